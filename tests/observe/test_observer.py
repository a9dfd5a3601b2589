from semrouter_extproc.observe.observer import is_sampled


def test_every_release_chooses_the_same_requests() -> None:
    name = "6ed84961-2e9d-4640-82fe-5b917d69769a"

    assert not is_sampled(name, 0.4449)
    assert is_sampled(name, 0.4450)


def test_all_and_none_are_shares_too() -> None:
    assert is_sampled("", 1.0)
    assert not is_sampled("anything", 0.0)
