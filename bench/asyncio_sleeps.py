"""argv[1] concurrent sleeps of 100 ms with a timeout each: prints the seconds it took."""

import asyncio
import sys
import time


async def one():
    async with asyncio.timeout(10):
        await asyncio.sleep(0.1)


async def main(n):
    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(n)))
    return time.perf_counter() - began


print(asyncio.run(main(int(sys.argv[1]))))
