"""A .pt2 file is hostile until read: whatever is in it, the answer is a network or one of our errors."""

import json
import pickle
import warnings
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from tests.unit.frontend.modules import build, imported
from tinybayes.errors import FileFormatError, TinybayesError, UnsupportedError, UserError
from tinybayes.frontend import import_pt2
from tinybayes.reference import execute


def export(module, example, path, **dynamic):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(module, (example,), **dynamic), path)
    return path


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A sound archive of the 'perceptron' network."""
    module, shape = build("perceptron")
    return export(module, torch.zeros(2, *shape), tmp_path_factory.mktemp("pt2") / "perceptron.pt2")


def rewritten(archive, path, change):
    """A copy whose members (name without the root folder -> bytes) went through ``change``."""
    with zipfile.ZipFile(archive) as source:
        root = source.namelist()[0].split("/")[0]
        members = {name.removeprefix(f"{root}/"): source.read(name) for name in source.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as target:
        for name, data in members.items():
            target.writestr(f"{root}/{name}", data)
    return path


def edited(member, edit):
    """A change that edits one JSON member in place."""

    def change(members):
        document = json.loads(members[member])
        edit(document)
        members[member] = json.dumps(document).encode()

    return change


def test_a_file_gives_the_same_network_as_the_module(archive):
    _, expected, shape = imported("perceptron")
    graph = import_pt2(archive)
    x = np.random.default_rng(0).normal(size=(3, *graph.input_tensor.shape)).astype(np.float32)
    assert graph.torch_input_shape == shape
    np.testing.assert_array_equal(execute(graph, x)[graph.output], execute(expected, x)[expected.output])


def test_pickles_in_the_file_are_never_loaded(archive, tmp_path):
    class Payload:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    def plant(members):
        members["data/sample_inputs/model.pt"] = pickle.dumps(Payload())

    assert import_pt2(rewritten(archive, tmp_path / "planted.pt2", plant)).nodes
    assert not (tmp_path / "executed").exists()
    weights = "data/weights/model_weights_config.json"
    pickled = edited(weights, lambda config: config["config"]["1.weight"].update(use_pickle=True))
    with pytest.raises(FileFormatError, match=r"'1.weight' is stored as a pickle, which is not read"):
        import_pt2(rewritten(archive, tmp_path / "pickled.pt2", pickled))


def test_decomposed_programs_are_understood(tmp_path):
    module, shape = build("perceptron")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(module, (torch.zeros(2, *shape),)).run_decompositions()
        torch.export.save(program, tmp_path / "core.pt2")
    graph = import_pt2(tmp_path / "core.pt2")
    x = torch.randn(4, *shape)
    got = execute(graph, x.numpy().reshape(4, *graph.input_tensor.shape))[graph.output]
    np.testing.assert_allclose(got, module(x).detach().numpy(), atol=1e-5)


def _huge(config):
    config["config"]["1.weight"]["tensor_meta"]["sizes"] = [{"as_int": 2**39}, {"as_int": 2**39}]


def _outside(config):
    config["config"]["1.weight"]["tensor_meta"]["storage_offset"] = {"as_int": 1}


def _negative(config):
    config["config"]["1.weight"]["tensor_meta"]["strides"] = [{"as_int": -1}, {"as_int": 1}]


def _missing(config):
    del config["config"]["1.weight"]


def _transposed(config):
    meta = config["config"]["1.weight"]["tensor_meta"]
    meta["sizes"], meta["strides"] = meta["sizes"][::-1], meta["strides"][::-1]


def _escapes(config):
    config["config"]["1.weight"]["path_name"] = "../../../../../etc/passwd"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_huge, "'1.weight' claims .* elements, too many"),
        (_outside, "'1.weight' needs 2884 bytes, the file has 2880"),
        (_negative, "has the size or stride -1"),
        (_missing, "the weights '1.weight' are missing"),
        (_transposed, r"a weight of shape \(36, 20\) for 36 features"),
        (_escapes, "There is no item named"),
        (lambda config: config.clear(), "KeyError: 'config'"),
    ],
)
def test_weights_that_do_not_fit_are_refused(archive, tmp_path, edit, message):
    bad = rewritten(archive, tmp_path / "bad.pt2", edited("data/weights/model_weights_config.json", edit))
    with pytest.raises(FileFormatError, match=message):
        import_pt2(bad)


def test_contradictions_in_the_program_are_refused(archive, tmp_path):
    def unknown(model):
        model["graph_module"]["graph"]["nodes"][-1]["inputs"][0]["arg"] = {"as_tensor": {"name": "nobody"}}

    def deep(members):
        members["models/model.json"] = b"[" * 100_000

    def not_text(members):
        members["models/model.json"] = b"\xff\xfe\x00"

    def empty(model):
        model["graph_module"] = {}

    for change in (edited("models/model.json", unknown), edited("models/model.json", empty), deep, not_text):
        with pytest.raises(FileFormatError):
            import_pt2(rewritten(archive, tmp_path / "bad.pt2", change))


def test_what_is_too_large_is_refused_before_it_is_made(tmp_path):
    module = nn.Sequential(nn.AdaptiveAvgPool2d((5, 6)), nn.AdaptiveAvgPool2d((2, 2)))
    sound = export(module, torch.zeros(2, 16, 4, 4), tmp_path / "sound.pt2")

    def wide(model):
        for value in model["graph_module"]["graph"]["tensor_values"].values():
            value["sizes"] = [{"as_int": 2}, *({"as_int": 2**30} for _ in range(3))]

    def pooled_to(*sizes):
        def edit(model):
            for argument in model["graph_module"]["graph"]["nodes"][0]["inputs"]:
                if argument["name"] == "output_size":
                    argument["arg"] = {"as_ints": list(sizes)}

        return edit

    for edit, message in (
        (wide, "has 1237940039285380274899124224 elements; wanted at most 16777216"),
        (pooled_to(2**30, 2**30), r"aten.adaptive_avg_pool2d to size .* is not supported: wanted 1 to 65535"),
        (pooled_to(2**11, 2**11), "gives 67108864 elements: that is not supported, wanted at most 16777216"),
    ):
        with pytest.raises(UnsupportedError, match=message):
            import_pt2(rewritten(sound, tmp_path / "huge.pt2", edited("models/model.json", edit)))


def test_a_truncated_file_is_refused_wherever_it_ends(archive, tmp_path):
    data = archive.read_bytes()
    for length in {0, 1, 4, 100, len(data) // 2, len(data) - 1, *range(0, len(data), max(1, len(data) // 40))}:
        (tmp_path / "short.pt2").write_bytes(data[:length])
        with pytest.raises(FileFormatError, match=r"not a sound .pt2 file"):
            import_pt2(tmp_path / "short.pt2")


def test_a_flipped_bit_gives_an_error_of_ours_or_the_same_network(archive, tmp_path):
    data = bytearray(archive.read_bytes())
    expected = import_pt2(archive)
    rng = np.random.default_rng(5)
    refused = 0
    for position in rng.integers(0, len(data), size=400):
        bit = 1 << int(rng.integers(8))
        data[position] ^= bit
        (tmp_path / "flipped.pt2").write_bytes(data)
        data[position] ^= bit
        try:
            graph = import_pt2(tmp_path / "flipped.pt2")
        except UserError:
            refused += 1
            continue
        for node, same in zip(graph.mac_nodes, expected.mac_nodes, strict=True):
            np.testing.assert_array_equal(node.weight, same.weight)
    assert refused > 50


def test_mutated_json_never_crashes(archive, tmp_path):
    rng = np.random.default_rng(9)
    with zipfile.ZipFile(archive) as source:
        name = next(name for name in source.namelist() if name.endswith("models/model.json"))
        text = source.read(name).decode()
    tokens = ['"as_tensor"', '"as_int"', "null", "-1", "1", "[]", "{}", "1e400", '"x"', "true", "4294967296"]
    for _ in range(150):
        start = int(rng.integers(len(text)))
        end = start + int(rng.integers(12))
        mutated = text[:start] + str(rng.choice(tokens)) + text[end:]

        def change(members, mutated=mutated):
            members["models/model.json"] = mutated.encode()

        try:
            import_pt2(rewritten(archive, tmp_path / "mutated.pt2", change))
        except TinybayesError as error:
            assert error.exit_status == 2


def test_other_files_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"nothing.pt2: cannot be read: No such file"):
        import_pt2(tmp_path / "nothing.pt2")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "state.pt2")
    with pytest.raises(FileFormatError, match=r"wanted one models/model.json, got 0 programs"):
        import_pt2(tmp_path / "state.pt2")
    with zipfile.ZipFile(tmp_path / "old.pt2", "w") as old:
        old.writestr("serialized_exported_program.json", "{}")
    with pytest.raises(FileFormatError, match="a program in the format of torch before"):
        import_pt2(tmp_path / "old.pt2")
    with zipfile.ZipFile(tmp_path / "bomb.pt2", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("m/models/model.json", "0" * 10_000_000)
    with pytest.raises(FileFormatError, match="claim more bytes than the file has"):
        import_pt2(tmp_path / "bomb.pt2")


def test_only_the_batch_may_be_dynamic(tmp_path):
    module = nn.Sequential(nn.Conv1d(2, 3, 3), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten())
    dynamic = {0: torch.export.Dim.AUTO, 2: torch.export.Dim.AUTO}
    path = export(module, torch.zeros(4, 2, 30), tmp_path / "dynamic.pt2", dynamic_shapes=(dynamic,))
    with pytest.raises(UnsupportedError, match=r"dimension 2 of input .* is dynamic; only the batch"):
        import_pt2(path)


def test_integer_inputs_and_several_inputs_are_refused(tmp_path):
    class Real(nn.Module):
        def forward(self, x):
            return x.float().relu()

    with pytest.raises(UnsupportedError, match="does not hold floating-point numbers"):
        import_pt2(export(Real(), torch.zeros(2, 3, dtype=torch.int32), tmp_path / "integers.pt2"))

    class Two(nn.Module):
        def forward(self, x, y):
            return x + y

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(Two(), (torch.zeros(2, 3), torch.zeros(2, 3)))
        torch.export.save(program, tmp_path / "two.pt2")
    with pytest.raises(UnsupportedError, match="the model has 2 inputs"):
        import_pt2(tmp_path / "two.pt2")
