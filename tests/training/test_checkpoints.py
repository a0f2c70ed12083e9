"""Saved states: what is damaged is set aside and said so, what is not stays, and a run gets out of what diverges."""

import pytest
import torch

from ccc.core.errors import CCCError
from ccc.training.checkpoints import States, read_state


def saved(folder, *steps, keep=9):
    states = States(folder, "settings", keep)
    states.newest(pytest.fail)
    for step in steps:
        states.save(step, {"step": step, "weights": torch.full((64, 64), float(step))})
    return states


def resume(folder):
    """The states as the next process finds them, the step it goes on from, and what it logs."""
    states, logged = States(folder, "settings", 9), []
    newest = states.newest(logged.append)
    return states, newest and read_state(newest)["step"], logged


def names(states):
    return sorted(path.name for path in states.folder.iterdir())


def cut(data):
    return data[:1000]


def flipped(data):
    """64 bytes in the middle of the tensor, which torch loads without a word."""
    middle = data.find(torch.full((64,), 4.0).numpy().tobytes()) + 8000
    return data[:middle] + bytes(255 - byte for byte in data[middle : middle + 64]) + data[middle + 64 :]


def cut_to_nothing(data):
    return b""


@pytest.mark.parametrize("damage", [cut, flipped, cut_to_nothing])
def test_a_damaged_state_is_set_aside_and_the_one_before_it_is_used(tmp_path, damage):
    states = saved(tmp_path, 2, 4)
    newest = states.paths()[0]
    newest.write_bytes(damage(newest.read_bytes()))
    states, step, logged = resume(tmp_path)
    assert step == 2 and names(states) == ["step-000000002.pt", "step-000000004.damaged"]
    assert len(logged) == 1 and f"{newest} is damaged" in logged[0]
    assert resume(tmp_path)[1:] == (2, []), "it is said once"


def test_a_damaged_state_that_was_the_only_one_starts_anew(tmp_path):
    path = saved(tmp_path, 2).paths()[0]
    path.write_bytes(b"")
    states, step, logged = resume(tmp_path)
    assert step is None and "no other is left: training starts anew" in logged[0]


def test_an_older_state_that_cannot_be_read_is_not_asked_for(tmp_path):
    older = saved(tmp_path, 2, 4).paths()[1]
    older.unlink()
    older.mkdir()  # reading it fails
    assert resume(tmp_path)[1:] == (4, [])


def test_a_read_error_leaves_a_state_as_it_is(tmp_path, monkeypatch):
    states = saved(tmp_path, 2, 4)
    before = names(states)
    path = states.paths()[0]

    def fails(self):
        raise OSError(5, "Input/output error", str(self))

    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.read_bytes", fails)
        with pytest.raises(CCCError, match=f"{path} cannot be read .Input/output error. and is left as it is"):
            resume(tmp_path)
    assert names(states) == before and resume(tmp_path)[1] == 4


def test_a_whole_state_that_cannot_be_loaded_is_no_damaged_one(tmp_path, monkeypatch):
    states = saved(tmp_path, 2)

    def fails(*args, **options):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] can't allocate memory\nframe 0")

    monkeypatch.setattr(torch, "load", fails)
    with pytest.raises(CCCError, match="can't allocate memory.; remove it to resume"):
        resume(tmp_path)
    assert names(states) == ["step-000000002.pt"]


def test_only_the_last_states_are_kept(tmp_path):
    assert names(saved(tmp_path, 1, 2, 3, keep=2)) == ["step-000000002.pt", "step-000000003.pt"]


def test_a_run_that_diverges_again_goes_further_back_each_time(tmp_path):
    assert "no state is saved yet: a lower learning rate" in saved(tmp_path).go_back()
    assert "the same command resumes at step 4" in saved(tmp_path, 2, 4).go_back()

    states, step, _ = resume(tmp_path)
    assert step == 4
    assert "step-000000004.diverged" in (advice := states.go_back()) and "resumes at step 2" in advice

    states, step, _ = resume(tmp_path)
    assert step == 2
    states.save(4, {"step": 4})  # it comes as far as before, and diverges again
    assert "no earlier one is left; a lower learning rate" in states.go_back()
    assert names(states) == ["step-000000002.diverged", "step-000000004.diverged"]
    with pytest.raises(CCCError, match="all states in .* led to numbers that are not finite"):
        resume(tmp_path)


def test_a_run_that_diverges_further_on_keeps_what_it_saved_since(tmp_path):
    saved(tmp_path, 2)
    states, _, _ = resume(tmp_path)
    states.save(4, {"step": 4})
    assert "the same command resumes at step 4" in states.go_back()
    assert names(states) == ["step-000000002.pt", "step-000000004.pt"]
