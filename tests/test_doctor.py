"""What ``python -m microdl.doctor`` finds."""

import pytest

from microdl import doctor


def test_every_finding_is_told_in_words(capsys):
    doctor.main()
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines]
    assert names[:7] == ["python", "packages", "cpu", "threads", "cache", "driver", "numba-cuda"]
    assert names[-1] == "gpu"
    assert all(len(line.split()) > 1 for line in lines)


def test_what_is_missing_for_a_gpu_comes_with_the_command_that_installs_it(monkeypatch):
    def support(name):
        raise ImportError('python -m pip install "microdl[cuda]"')

    monkeypatch.setattr(doctor, "support", support)
    ((name, finding),) = doctor._toolkit()
    assert name == "numba-cuda"
    assert finding == 'missing. python -m pip install "microdl[cuda]"'


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("emulate", "emulated on the CPU"),
        ("", "MICRODL_GPU=emulate"),
        ("off", "none: MICRODL_GPU=off"),
        ("on", "none: MICRODL_GPU is 'on'; it can be emulate, off"),
    ],
)
def test_the_gpu_that_is_chosen(setting, words, monkeypatch):
    monkeypatch.setenv("MICRODL_GPU", setting)
    monkeypatch.setattr(doctor, "library", lambda: None)
    assert words in doctor._gpu()


def test_without_a_driver_it_says_where_one_comes_from(monkeypatch):
    monkeypatch.setattr(doctor, "library", lambda: None)
    assert "NVIDIA's driver" in doctor._driver()


def test_no_gpu_is_emulated_without_the_package_that_compiles_kernels(monkeypatch):
    def support(name):
        raise ImportError("no numba-cuda")

    monkeypatch.setenv("MICRODL_GPU", "emulate")
    monkeypatch.setattr(doctor, "support", support)
    assert doctor._gpu() == "none: MICRODL_GPU=emulate needs numba-cuda too"
