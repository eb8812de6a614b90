"""Forward TCP connections: agent.py ADDRESS PORT TARGET-ADDRESS TARGET-PORT."""

import asyncio
import sys


async def copy(reader, writer):
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


async def forward(reader, writer):
    target_reader, target_writer = await asyncio.open_connection(*sys.argv[3:5])
    await asyncio.gather(copy(reader, target_writer), copy(target_reader, writer))


async def main():
    server = await asyncio.start_server(forward, *sys.argv[1:3])
    await server.serve_forever()


asyncio.run(main())
