# A peer: CONCURRENCY pages at a time with Python's aiohttp, on kept connections.
#    python3 aio.py URL CA_FILE TOKEN PAGES PAGE_SIZE CONCURRENCY [careful]
# As most scripts have it, it ends with the first answer that is not 200. With `careful` each page that was answered 429
# or 503 is asked for again up to five times, after what Retry-After says in seconds, or else after 1, 2, 4 … s.
# It prints what it has in either case.

import asyncio
import ssl
import sys
import time

import aiohttp

url, ca_file, token, pages, page_size, concurrency = sys.argv[1:7]
careful = "careful" in sys.argv[7:]
users = requests = 0
died = ""


async def ask(session, page):
    global requests
    for attempt in range(6 if careful else 1):
        requests += 1
        query = {"pageIndex": page, "pageSize": page_size}
        async with session.post(url, params=query, json={}) as answer:
            if answer.status == 200:
                return await answer.json()
            status, after = answer.status, answer.headers.get("Retry-After", "")
        if careful and attempt < 5 and status in (429, 503):
            await asyncio.sleep(int(after) if after.isdigit() else 2 ** attempt)
    raise RuntimeError(f"{status}-on-page-{page}")


async def take(session, queue):
    global users
    while queue:
        answer = await ask(session, queue.pop())
        for user in answer["data"]:
            users += 1


async def main():
    global died
    headers = {"Authorization": "Bearer " + token, "Accept": "application/json", "Accept-Encoding": "gzip"}
    connector = aiohttp.TCPConnector(limit=int(concurrency), ssl=ssl.create_default_context(cafile=ca_file))
    queue = list(range(int(pages), 0, -1))
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        tasks = [asyncio.create_task(take(session, queue)) for _ in range(int(concurrency))]
        try:
            await asyncio.gather(*tasks)
        except RuntimeError as error:
            died = str(error)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


began = time.monotonic()
asyncio.run(main())
print(f"users={users}\nelapsed={time.monotonic() - began:.6f}\nrequests={requests}")
if died:
    print(f"died={died}")
