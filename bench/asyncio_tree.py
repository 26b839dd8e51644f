"""A binary tree of asyncio.gather, argv[1] high: prints the seconds it took."""

import asyncio
import sys
import time


async def node(height):
    if height == 0:
        await asyncio.sleep(0)
    else:
        await asyncio.gather(node(height - 1), node(height - 1))


async def main(height):
    began = time.perf_counter()
    await node(height)
    return time.perf_counter() - began


print(asyncio.run(main(int(sys.argv[1]))))
