# A peer: one page after another with Python's requests, on one Session, which keeps its connection.
#    python3 requests.py URL CA_FILE TOKEN PAGES PAGE_SIZE CONCURRENCY
# CONCURRENCY does not matter. The script's folder is taken off the path, since it bears the library's name.

import sys
import time

sys.path.pop(0)
import requests  # noqa: E402

url, ca_file, token, pages, page_size = sys.argv[1:6]

with requests.Session() as session:
    session.headers.update({
        "Authorization": "Bearer " + token,
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
    })
    began = time.monotonic()
    users = 0
    try:
        for page in range(1, int(pages) + 1):
            answer = session.post(url, params={"pageIndex": page, "pageSize": page_size}, json={}, verify=ca_file, timeout=60)
            answer.raise_for_status()
            for user in answer.json()["data"]:
                users += 1
    finally:
        print(f"users={users}\nelapsed={time.monotonic() - began:.6f}")
