"""The contract of a state store, inherited by a test class for each implementation."""

from collections.abc import Callable

import pytest

from creditbot.errors import StateConflict
from creditbot.ports import StateStore

KEY = "T0123.C0123.1736345678.123456"


class StoreContract:
    """Subclasses give `open_store`: each call is another process's view of the same store, empty at first."""

    def test_a_new_store_is_empty(self, open_store: Callable[[], StateStore]) -> None:
        """Nothing was written yet."""
        assert {} == open_store().read().values

    def test_what_is_written_is_read_by_everybody(self, open_store: Callable[[], StateStore]) -> None:
        """Values come back as the same JSON, non-ASCII text included."""
        store = open_store()
        store.write({KEY: '{"reason": "größer"}', "meta": "{}"}, store.read().version)
        assert {KEY: '{"reason": "größer"}', "meta": "{}"} == open_store().read().values

    def test_the_version_that_a_write_returns_is_good_for_the_next(self, open_store: Callable[[], StateStore]) -> None:
        """A writer need not read again after its own write."""
        store = open_store()
        version = store.write({"meta": "1"}, store.read().version)
        store.write({"meta": "2"}, version)
        assert {"meta": "2"} == store.read().values

    def test_a_write_on_an_old_version_is_refused(self, open_store: Callable[[], StateStore]) -> None:
        """Of two writers with the same version one wins, and the other changes nothing."""
        first, second = open_store(), open_store()
        old, same = first.read().version, second.read().version
        first.write({"meta": '"first"'}, old)
        with pytest.raises(StateConflict):
            second.write({"meta": '"second"'}, same)
        assert {"meta": '"first"'} == second.read().values

    def test_an_old_version_is_refused_even_if_the_values_are_the_same_again(
        self, open_store: Callable[[], StateStore]
    ) -> None:
        """A -> B -> A is not unchanged."""
        store = open_store()
        old = store.write({"meta": "1"}, store.read().version)
        store.write({"meta": "1"}, store.write({"meta": "2"}, old))
        with pytest.raises(StateConflict):
            open_store_and_read(open_store).write({"meta": "3"}, old)

    def test_keys_are_removed_by_leaving_them_out(self, open_store: Callable[[], StateStore]) -> None:
        """A write replaces the whole document."""
        store = open_store()
        version = store.write({"meta": "1", KEY: "{}"}, store.read().version)
        store.write({"meta": "1"}, version)
        assert {"meta": "1"} == store.read().values


def open_store_and_read(open_store: Callable[[], StateStore]) -> StateStore:
    """A store that has seen the newest version, as a process that just started has."""
    store = open_store()
    store.read()
    return store
