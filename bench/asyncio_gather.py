"""asyncio.gather of argv[1] coroutines that sleep(0): prints the seconds it took."""

import asyncio
import sys
import time


async def one():
    await asyncio.sleep(0)


async def main(n):
    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(n)))
    return time.perf_counter() - began


print(asyncio.run(main(int(sys.argv[1]))))
