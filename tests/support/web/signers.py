"""Worlds in memory whose members have real keys, so that they can sign in."""

from typing import Any

from support.worlds.world import World

from ledger.events.records import KeyRotated


def world_with(*signers: Any) -> World:
    """Members with real keys, after a first one without."""
    world = World(1 + len(signers)).open_job()
    for index, signer in enumerate(signers, 1):
        rotate(world, index, signer.address)
    return world


def rotate(world: World, index: int, key: str) -> None:
    """A member goes on with another key."""
    old, world.keys[index] = world.keys[index], key
    world.emit(KeyRotated, index=index, old_key=old, new_key=key, epoch=world.history.epoch + 1)
