"""Repeats an outage: threads, open files and memory must not grow."""
import statistics
import sys

import ledger
from machine import Trouble

# Tolerance for unrelated changes: a pool's thread, a file that is briefly open, the allocator's reserve.
MORE_THREADS, MORE_FILES, MORE_KILOBYTES = 3, 8, 4096


def cycle(world, number):
    """Unplugs the source and plugs it in again; every second time restarts the whole server."""
    mark = world.mark()
    if number % 2:
        world.server.kill()
        world.daemon.source("lost", mark)
        world.server.start()
    else:
        world.server.unload()
        world.daemon.source("lost", mark)
        world.server.load()
    return world.back(mark)


def run(world, count):
    """Prints the figures at intervals and fails when they grow."""
    warm_up = max(10, count // 10)
    before, recoveries = None, []
    print(f"\n{count} cycles\n{'cycle':>8} {'threads':>8} {'files':>8} {'anonymous':>12} {'recovery: median':>18} {'slowest':>10}")
    for number in range(1, count + warm_up + 1):
        recoveries.append(cycle(world, number))
        if number == warm_up or (number - warm_up) % max(1, count // 5) == 0 and number > warm_up:
            now = world.daemon.figures()
            before = before or now
            print(f"{number - warm_up:>8} {now[0]:>8} {now[1]:>8} {now[2]:>9} kB "
                  f"{statistics.median(recoveries) * 1000:>15.0f} ms {max(recoveries) * 1000:>7.0f} ms")
            sys.stdout.flush()
    for name, was, value, more in zip(("threads", "open files", "kilobytes of anonymous memory"), before, now,
                                      (MORE_THREADS, MORE_FILES, MORE_KILOBYTES)):
        if value > was + more:
            raise Trouble(f"{name} grew from {was} to {value} in {count} cycles, by more than {more}")
    world.daemon.wait_for_sound(world.mark())
    world.settle()
    ledger.check(world.daemon.records)
