"""Group commit: posts that arrive while as many commits as allowed are under way share the next one.

A commit waits for the disk, and as it also wakes the pipeline, PostgreSQL lets one at a time do so. One commit for
all who wait keeps the answer quick at any rate, and each post is still committed before it is answered
(docs/decisions/0020).
"""

import asyncio

from starlette.concurrency import run_in_threadpool

from leadflow_pipeline.domain.errors import TransientError
from leadflow_pipeline.stages.posts import ArrivedPost, LandedPost, land_posts
from leadflow_pipeline.stages.store import Store

AT_ONCE = 4  # commits under way: a lone post need not wait for that of another
Waiting = tuple[ArrivedPost, "asyncio.Future[LandedPost]"]


class Landing:
    """The posts of one receiver process that wait to be stored."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[Waiting] = []
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def land(self, post: ArrivedPost) -> LandedPost:
        """Store a post and commit. Whoever's turn it is stores all who wait.

        Raises `TransientError` when the database cannot store it now.
        """
        if post.identity.replaces:  # locks the row of a lead that the pipeline may be at work on
            return (await run_in_threadpool(land_posts, self._store, [post]))[0]
        landed: asyncio.Future[LandedPost] = asyncio.get_running_loop().create_future()
        self._waiting.append((post, landed))
        async with self._turns:
            if self._waiting:
                batch, self._waiting = self._waiting, []
                await self._land_batch(batch)
        return await landed

    async def _land_batch(self, batch: list[Waiting]) -> None:
        try:
            landed = await run_in_threadpool(land_posts, self._store, [post for post, _ in batch])
            for (_, future), one in zip(batch, landed, strict=True):
                future.set_result(one)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to those whose posts these are
            if len(batch) == 1 or isinstance(error, TransientError):
                for _, future in batch:
                    future.set_exception(error)
                return
            for each in batch:  # one that cannot be stored must not keep out the others
                await self._land_batch([each])
        finally:
            for _, future in batch:
                if not future.done():  # the server is being stopped
                    future.set_exception(TransientError("The receiver ended before the post was stored."))
