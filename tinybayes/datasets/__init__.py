"""Datasets that install from a package registry: fetched, checked, cut into windows and split. No torch."""

from tinybayes.datasets.dataset import Dataset
from tinybayes.datasets.fashion_files import fashion_mnist
from tinybayes.datasets.mnist_files import mnist
from tinybayes.datasets.watch_windows import imu_user_id, imu_user_id_by_recording

__all__ = ["Dataset", "fashion_mnist", "imu_user_id", "imu_user_id_by_recording", "mnist"]
