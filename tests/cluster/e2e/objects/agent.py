"""Takes TCP connections and hands them on: agent.py ADDRESS PORT TO-ADDRESS TO-PORT."""

import asyncio
import sys


async def copy(reader, writer):
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


async def hand_on(reader, writer):
    on_reader, on_writer = await asyncio.open_connection(*sys.argv[3:5])
    await asyncio.gather(copy(reader, on_writer), copy(on_reader, writer))


async def main():
    server = await asyncio.start_server(hand_on, *sys.argv[1:3])
    await server.serve_forever()


asyncio.run(main())
