"""The verdict and its pictures: report.json and report.html."""
