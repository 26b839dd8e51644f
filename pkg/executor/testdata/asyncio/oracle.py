"""Random workflows, and what Python's asyncio makes of them.

    python3 oracle.py --trees 300 --seed 1      one JSON object a line: {name, file, value, error, states, ends, retried, elapsed_ms}
    python3 oracle.py --file flow.json          the same for one workflow (- is standard input)

A workflow is made at random in the words that flowrun and asyncio share, and is run on the real asyncio of this
Python (3.11.4 or later) with a loop whose clock jumps to the next timer. TestAgainstAsyncio runs the same file with
flowrun and compares. JSON is YAML, so `file` is the workflow as flowrun reads it. Time is counted in milliseconds
throughout: for the loop, a second is one of them.

What asyncio leaves to chance is not compared: a tree is thrown away (Unfit) when two timers fall together, when a
step is started and cancelled in one instant, or when two steps ask for the same permit in one instant in another
order than that of the file or in different blocks, or when the end of a background task wakes steps of different blocks.

Where flowrun deviates from asyncio on purpose, the deviation is made here, on top of the real thing, and nowhere else:

  ADAPTED 1  gather ends when all children have ended, also after an error and after a cancel from outside; the error
             that came first in time comes out. asyncio leaves the siblings without an owner.
  ADAPTED 2  wait cancels and awaits what is not done; a cancel of the waiting step cancels the children.
  ADAPTED 3  A cancel is never lost: a task group that has errors and was cancelled from outside is cancelled (as
             CPython 3.13, which delivers the cancel again), and so is a step whose cleanup was told to stop.
  ADAPTED 4  A cleanup is not cut by a further cancel: `match: CancelledError` and `finally` run in a task of their own.
  ADAPTED 5  The error of a cleanup never takes the place of an error or a cancel; after success it is the step's.
  ADAPTED 6  shield is awaited: the cancel goes on when the shielded step has ended. A pause or a queue inside it ends
             at once, and no further attempt begins.
  ADAPTED 7  `await` never cancels the task that it waits for; a task that was cancelled gives TaskCancelledError, an
             ordinary error, where asyncio gives CancelledError to one whom nobody asked to stop.
  ADAPTED 8  Background tasks end with their list: what runs is cancelled and awaited; a failure that nobody awaited
             is the list's. asyncio cancels at the end of the run and only logs the failure.
  ADAPTED 9  retry matches a group when every leaf matches; the last error comes out.
  ADAPTED 10 except* on a plain error leaves it plain where Python wraps it; a cancelled clause ends the handling.
  ADAPTED 11 A list hands a cancel to its background tasks when it comes, not when the step in the foreground has ended.
"""

import argparse
import asyncio
import contextvars
import itertools
import json
import random
import selectors
import sys


# ---------------------------------------------------------------- the clock


class Unfit(Exception):
    """The outcome of the tree depends on what asyncio leaves to chance."""


class Jumping(selectors.SelectSelector):
    """A selector that waits for nothing: it moves the clock of its loop."""

    loop = None

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("deadlock: nothing is ready and no timer is set")
        self.loop.advance(timeout)
        return []


class NumberedTask(asyncio.Task):
    """A task whose place in a set does not depend on its address: asyncio cancels the tasks of a set in its order."""

    numbers = itertools.count()

    def __new__(cls, *args, **kwargs):
        task = super().__new__(cls)
        task.number = next(cls.numbers)
        return task

    def __hash__(self):
        return self.number


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on which waiting takes no time."""

    def __init__(self):
        self.now = 0
        self.timers = {}  # instant -> the handles of its timers
        self.unfit = None
        selector = Jumping()
        selector.loop = self
        super().__init__(selector)
        self.set_exception_handler(lambda loop, context: None)
        NumberedTask.numbers = itertools.count()
        self.set_task_factory(lambda loop, coro, **options: NumberedTask(coro, loop=loop, **options))

    def time(self):
        return self.now

    def call_at(self, when, callback, *args, context=None):
        handle = super().call_at(when, callback, *args, context=context)
        self.timers.setdefault(when, []).append(handle)
        return handle

    def advance(self, by):
        if by <= 0:
            return
        self.now += by
        due = [h for h in self.timers.pop(self.now, []) if not h.cancelled()]
        if len(due) > 1:
            self.unfit = f"{len(due)} timers at {self.now}"


# ---------------------------------------------------------------- errors


class TaskCancelledError(Exception):
    pass


TYPES = {"TimeoutError": TimeoutError, "TaskCancelledError": TaskCancelledError}


def type_named(name):
    """The class of an error type; there is no inheritance between types."""
    if name not in TYPES:
        TYPES[name] = type(name, (Exception,), {})
    return TYPES[name]


def raised(spec):
    if isinstance(spec, str):
        return type_named("FailError")(spec)
    return type_named(spec["type"])(spec["message"])


def matched(match):
    """The classes that a `match` names; without one, every error."""
    if match is None:
        return (Exception,)
    names = match if isinstance(match, list) else [match]
    return tuple(type_named(n) for n in names)


def leaves(error):
    if isinstance(error, BaseExceptionGroup):
        return [leaf for e in error.exceptions for leaf in leaves(e)]
    return [error]


def shape(error):
    if isinstance(error, BaseExceptionGroup):
        return {"type": "ExceptionGroup", "errors": [shape(e) for e in error.exceptions]}
    if isinstance(error, (TimeoutError, TaskCancelledError)):
        return {"type": type(error).__name__}
    return {"type": type(error).__name__, "message": str(error)}


def value_of(v):
    if isinstance(v, BaseException):
        return {"error": shape(v)}
    if isinstance(v, list):
        return [value_of(x) for x in v]
    if isinstance(v, dict):
        return {k: value_of(x) for k, x in v.items()}
    return v


# ---------------------------------------------------------------- the interpreter


ATTEMPT = contextvars.ContextVar("attempt", default=1)
ACTIONS = ("steps", "gather", "wait", "taskgroup", "sleep", "value", "fail", "await", "cancel")


def ms(text):
    assert text.endswith("ms"), text
    return int(text[:-2])


class Guard:
    """What a shield knows of the cancel that it keeps away."""

    def __init__(self):
        self.asked = None  # when a cancel came
        self.open = False  # the step is in a queue or a pause: the cancel may go in
        self.task = None

    def cancel(self, now):
        self.asked = now if self.asked is None else self.asked
        if self.open:
            self.task.cancel()


class Step:
    """What is known of a step while it runs."""

    def __init__(self, step, guard, limit):
        self.step, self.guard, self.limit = step, guard, limit
        self.begun = False  # the first attempt has begun
        self.start = None   # when it began


class Run:
    """One run of one workflow."""

    def __init__(self, flow):
        self.flow = flow
        self.loop = VirtualLoop()
        self.semaphores = {n: asyncio.Semaphore(k) for n, k in flow.get("semaphores", {}).items()}
        self.asked, self.freed = {}, {}  # semaphore -> the last one that asked: (instant, place); when it was last freed
        self.tasks = {}                  # id -> its background task
        self.born = {}                   # background task -> when
        self.wakes = {}                  # (background task, instant) -> the block of the step that it woke
        self.left = {}                   # background task -> when its list cancelled it
        self.awaited = set()
        self.states, self.ends = {}, {}
        self.place = {}                  # id() of a step -> (id() of what it is a part of, its place in the file)
        self.number(flow, None)

    def number(self, v, parent):
        if isinstance(v, dict):
            self.place[id(v)] = (parent, len(self.place))
            parent, v = id(v), list(v.values())
        if isinstance(v, list):
            for x in v:
                self.number(x, parent)

    def unfit(self, why):
        self.loop.unfit = self.loop.unfit or why

    def run(self):
        asyncio.set_event_loop(self.loop)
        value, error = None, None
        try:
            value = self.loop.run_until_complete(self.list(self.flow["steps"]))
        except Exception as e:
            if isinstance(e, RuntimeError):
                raise
            error = e
        finally:
            asyncio.set_event_loop(None)
            self.loop.close()
        if self.loop.unfit:
            raise Unfit(self.loop.unfit)
        return {
            "value": value_of(value),
            "error": shape(error) if error else None,
            "states": self.states,
            "ends": self.ends,
            "elapsed_ms": self.loop.now,
        }

    # -- a step: background( shield( total_timeout( retry( limit slot( semaphore( timeout( action ))))) -> handlers -> finally ))

    def child(self, step, limit=None):
        """The step as the body of a task of its own. A shielded one keeps its outcome."""
        return self.run_step(step, limit, True)

    async def run_step(self, step, limit=None, own_task=False):
        if not step.get("shield"):
            return await self.whole(Step(step, None, limit))
        guard = Guard()
        st = Step(step, guard, limit)
        task, cut = await self.uncut(self.whole(st), guard)
        if guard.asked is not None and guard.asked == st.start:
            self.unfit(f"{step.get('id')} is started and cancelled at {st.start}")
        if cut and not own_task:
            raise asyncio.CancelledError
        return task.result()

    async def uncut(self, coro, guard=None):
        """Runs coro to its end, whoever cancels; tells whether somebody did (ADAPTED 4, 6)."""
        task, cut = asyncio.create_task(coro), False
        if guard:
            guard.task = task
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                cut = True
                if guard:
                    guard.cancel(self.loop.now)
        return task, cut

    async def whole(self, st):
        """The step, with a note of how and when it ended."""
        name = st.step.get("id")
        status = "cancelled"
        token = ATTEMPT.set(ATTEMPT.get())
        try:
            value = await self.handled(st)
            status = "succeeded"
            return value
        except Exception:
            status = "failed"
            raise
        finally:
            ATTEMPT.reset(token)
            if name:
                self.states[name], self.ends[name] = status, self.loop.now

    async def handled(self, st):
        step, value, outcome, in_action, cut = st.step, None, None, True, False
        try:
            try:
                value = await self.limited(st)
            except Exception as error:
                in_action = False
                value = await self.clauses(step, error)
            else:
                in_action = False
                await self.list(step.get("else", []))
        except (Exception, asyncio.CancelledError) as error:
            outcome = error
        if isinstance(outcome, asyncio.CancelledError):
            if st.start == self.loop.now:
                self.unfit(f"{st.step.get('id')} is started and cancelled at {st.start}")
            if not st.begun:
                raise outcome
        cleanups = [[step["finally"]]] if "finally" in step else []
        if in_action and isinstance(outcome, asyncio.CancelledError):
            cleanups[:0] = [[[c]] for c in step.get("except", []) if c.get("match") == "CancelledError"]
        for (steps,) in cleanups:
            task, c = await self.uncut(self.list(steps))
            cut = cut or c
            if task.exception() and not outcome:
                outcome = task.exception()  # ADAPTED 5
        if cut:
            raise asyncio.CancelledError  # ADAPTED 3
        if outcome:
            raise outcome
        return value

    async def clauses(self, step, error):
        """except*, with the statement itself; a clause that is not there matches nothing."""
        handlers = [c for c in step.get("except", []) if c.get("match") != "CancelledError"]
        if not handlers:
            raise error
        types = [matched(c.get("match")) for c in handlers] + [()] * (3 - len(handlers))
        values, stopped = [], []

        async def handle(i):
            """Runs a clause; True when it raises its part again."""
            if stopped:
                return False
            try:
                values.append(await self.clause(handlers[i]))
            except Again:
                return True
            except asyncio.CancelledError as cancel:
                stopped.append(cancel)
            return False

        try:
            try:
                raise error
            except* types[0]:
                if await handle(0):
                    raise
            except* types[1]:
                if await handle(1):
                    raise
            except* types[2]:
                if await handle(2):
                    raise
        except BaseException as left:
            if stopped:
                raise stopped[0] from None  # ADAPTED 10
            if not isinstance(error, BaseExceptionGroup) and leaves(left) == [error]:
                raise error from None  # ADAPTED 10
            raise
        if stopped:
            raise stopped[0]
        return values[-1]

    async def clause(self, c):
        return await self.run_step(c)

    async def limited(self, st):
        total = st.step.get("total_timeout")
        async with asyncio.timeout(ms(total) if total else None):
            return await self.retried(st)

    async def retried(self, st):
        retry = st.step.get("retry")
        if not retry:
            return await self.attempt(st)
        match = matched(retry.get("match"))
        for n in range(1, retry["attempts"] + 1):
            ATTEMPT.set(n)
            try:
                return await self.attempt(st)
            except Exception as error:
                if n == retry["attempts"] or not all(isinstance(e, match) for e in leaves(error)):  # ADAPTED 9
                    raise
                if st.guard and st.guard.asked is not None:
                    raise
            pause = ms(retry.get("delay", "0ms")) * retry.get("factor", 1) ** (n - 1)
            if pause:
                await self.waiting(st, asyncio.sleep(pause))

    async def attempt(self, st):
        async with Permit(self, st, st.limit, None):
            async with Permit(self, st, self.semaphores.get(st.step.get("semaphore")), st.step.get("semaphore")):
                st.begun, st.start = True, self.loop.now
                limit = st.step.get("timeout")
                async with asyncio.timeout(ms(limit) if limit else None):
                    return await self.action(st.step)

    async def waiting(self, st, coro):
        """A queue or a pause: here a cancel goes through the step's shield."""
        if not st.guard:
            return await coro
        st.guard.open = True
        try:
            return await coro
        finally:
            st.guard.open = False

    # -- actions

    async def action(self, step):
        (kind,) = [k for k in ACTIONS if k in step]
        return await getattr(self, "do_" + kind)(step)

    async def do_sleep(self, step):
        await asyncio.sleep(ms(step["sleep"]))

    async def do_value(self, step):
        return step["value"]

    async def do_fail(self, step):
        if step["fail"] == "${{ error }}":
            raise Again
        raise raised(step["fail"])

    def do_steps(self, step):
        return self.list(step["steps"])

    def started(self, step, kind, create):
        limit = asyncio.Semaphore(step["limit"]) if "limit" in step else None
        return [create(self.child(c, limit)) for c in step[kind]]

    def watch(self, tasks):
        """The failed tasks in order of completion; two errors in one instant are no order."""
        failed, when = [], []

        def ended(task):
            if not task.cancelled() and task.exception():
                if self.loop.now in when:
                    self.unfit(f"two errors at {self.loop.now}")
                when.append(self.loop.now)
                failed.append(task)

        for t in tasks:
            t.add_done_callback(ended)
        return failed

    async def do_gather(self, step):
        tasks = self.started(step, "gather", asyncio.create_task)
        failed = self.watch(tasks)
        values = await asyncio.gather(*tasks, return_exceptions=True)  # ADAPTED 1
        if step.get("return_exceptions") or not failed:
            return values
        if step.get("errors") == "group":
            raise ExceptionGroup("", [t.exception() for t in failed])
        raise failed[0].exception()

    async def do_taskgroup(self, step):
        me = asyncio.current_task()
        before = me.cancelling()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = self.started(step, "taskgroup", group.create_task)
                self.watch(tasks)
                if tasks:
                    await asyncio.wait(tasks)
        except BaseExceptionGroup:
            if me.cancelling() > before:
                raise asyncio.CancelledError from None  # ADAPTED 3
            raise
        return [t.result() for t in tasks]

    async def do_wait(self, step):
        tasks = self.started(step, "wait", asyncio.create_task)
        ended = {}
        for t in tasks:
            t.add_done_callback(lambda t: ended.setdefault(t, self.loop.now))
        after = step.get("return_after")
        cut = None
        done, pending = set(), set(tasks)
        try:
            done, pending = await asyncio.wait(
                tasks, timeout=ms(after) if after else None, return_when=step.get("return_when", "all_completed").upper())
        except asyncio.CancelledError as cancel:
            cut = cancel
        now = self.loop.now
        for t in pending:
            t.cancel()
        while not all(t.done() for t in tasks):  # ADAPTED 2
            try:
                await asyncio.wait(tasks)
            except asyncio.CancelledError as cancel:
                cut = cancel
        if cut:
            raise cut
        if any(not t.cancelled() and ended.get(t, now) == now for t in pending):
            self.unfit(f"a child of a wait ends in the instant of its return, {now}")
        names = {t: c.get("id", f"#{i}") for i, (t, c) in enumerate(zip(tasks, step["wait"]))}
        entries = []
        for t in tasks:
            if t in done:
                entry = {"name": names[t], "status": "failed" if t.exception() else "succeeded"}
                entry.update({"error": shape(t.exception())} if t.exception() else {"value": t.result()})
                entries.append(entry)
        return {"done": entries, "pending": [names[t] for t in tasks if t in pending]}

    async def do_await(self, step):
        task = self.tasks[step["await"]]
        await asyncio.wait([task])  # ADAPTED 7
        self.woken(step, task)
        self.awaited.add(task)
        if task.cancelled():
            raise TaskCancelledError
        return task.result()

    async def do_cancel(self, step):
        task = self.tasks[step["cancel"]]
        self.stop(task)
        await asyncio.wait([task])
        self.woken(step, task)

    def woken(self, step, task):
        """One task wakes two steps in one instant, or is cancelled together with one that awaits it: which is first?"""
        now, parent = self.loop.now, self.place[id(step)][0]
        if self.wakes.setdefault((task, now), parent) != parent or self.left.get(task) == now:
            self.unfit(f"a task wakes two steps at {now}")

    def stop(self, task):
        if not task.done():
            if self.born[task] == self.loop.now:
                self.unfit(f"a task is started and cancelled at {self.loop.now}")
            task.cancel()

    async def list(self, steps):
        if not any(s.get("background") for s in steps):
            return await self.foreground(steps, [])
        tasks, cut = [], None
        front = asyncio.create_task(self.foreground(steps, tasks))
        while not front.done():
            try:
                await asyncio.wait([front])
            except asyncio.CancelledError as cancel:
                cut = cancel
                for t in [front, *tasks]:  # ADAPTED 11
                    self.left.setdefault(t, self.loop.now)
                    t.cancel()
        for t in tasks:
            if not t.done():
                self.left[t] = self.loop.now
            self.stop(t)
        while not all(t.done() for t in tasks):  # ADAPTED 8
            try:
                await asyncio.wait(tasks)
            except asyncio.CancelledError as cancel:
                cut = cancel
        if cut:
            raise cut
        if front.exception():
            raise front.exception()
        errors = [t.exception() for t in tasks if not t.cancelled() and t.exception() and t not in self.awaited]
        if len(errors) > 1:
            raise ExceptionGroup("", errors)
        if errors:
            raise errors[0]
        return front.result()

    async def foreground(self, steps, tasks):
        value = None
        for s in steps:
            if s.get("background"):
                task = asyncio.create_task(self.child(s))
                self.born[task] = self.loop.now
                self.tasks[s["id"]] = task
                tasks.append(task)
            elif "if" in s and not ATTEMPT.get() <= int(s["if"].rpartition(" ")[2]):
                self.states[s["id"]], self.ends[s["id"]] = "skipped", self.loop.now
            elif "cancel" in s:
                await self.run_step(s)
            else:
                value = await self.run_step(s)
        return value


class Again(Exception):
    """A clause raises its part of the error again."""


class Permit:
    """async with of a semaphore or of a limit of a block, if there is one."""

    def __init__(self, run, st, semaphore, name):
        self.run, self.st, self.semaphore, self.name = run, st, semaphore, name

    async def __aenter__(self):
        if not self.semaphore:
            return
        run, key = self.run, self.semaphore
        now, place = run.loop.now, run.place[id(self.st.step)]
        then, before = run.asked.get(key, (-1, place))
        if then == now and (before[0] != place[0] or before[1] > place[1]):
            run.unfit(f"asked in another order at {now}")
        run.asked[key] = (now, place)
        try:
            await self.run.waiting(self.st, self.semaphore.acquire())
            self.granted = run.loop.now if run.loop.now > now else None
        except asyncio.CancelledError:
            if run.freed.get(key) == run.loop.now:
                run.unfit(f"a permit is freed and its waiter cancelled at {run.loop.now}")
            raise

    async def __aexit__(self, *exc):
        if self.semaphore:
            if self.granted == self.run.loop.now:
                self.run.unfit(f"a permit is taken over and given back at {self.granted}")
            self.run.freed[self.semaphore] = self.run.loop.now
            self.semaphore.release()


# ---------------------------------------------------------------- the generator


ERRORS = ["ValueError", "TypeError", "KeyError", "LookupError"]
MATCHES = ERRORS + ["TimeoutError", "TaskCancelledError"]


class Where:
    """What may stand at a place of the tree."""

    def __init__(self, tasks=(), semaphores=(), retried=False, cleanup=False):
        self.tasks, self.semaphores, self.retried, self.cleanup = tasks, semaphores, retried, cleanup

    def but(self, **changed):
        return Where(**{**self.__dict__, **changed})


class Generator:
    """One random workflow."""

    def __init__(self, rng):
        self.rng = rng
        self.count = 0
        self.budget = rng.randint(3, 16)
        self.retried = []  # ids that may run more than once

    def flow(self):
        rng = self.rng
        flow = {"flowrun": 1}
        where = Where()
        if rng.random() < 0.35:
            flow["semaphores"] = {f"sem{i}": rng.randint(1, 2) for i in range(1, rng.randint(1, 2) + 1)}
            where = where.but(semaphores=tuple(flow["semaphores"]))
        flow["steps"] = self.steps(where, 0)
        return flow

    def chance(self, p):
        return self.rng.random() < p

    def id(self, kind, where):
        self.count += 1
        name = f"{kind}{self.count}"
        if where.retried:
            self.retried.append(name)
        return name

    def duration(self, most=40):
        return f"{50 * self.rng.randint(1, self.rng.choice([most // 4, most]))}ms"

    def fail(self, name):
        return {"type": self.rng.choice(ERRORS), "message": f"{name} failed"}

    def match(self):
        n = self.rng.randint(0, 2)
        if n == 0:
            return {}
        return {"match": self.rng.choice(MATCHES) if n == 1 else self.rng.sample(MATCHES, 2)}

    def steps(self, where, depth):
        """A list, with background tasks, awaits and cancels here and there."""
        out = []
        for _ in range(self.rng.choice([1, 1, 2, 2, 3])):
            if not where.cleanup and depth < 5 and self.chance(0.17):
                task = self.step(where, depth + 1, shield=False)
                task["background"] = True
                out.append(task)
                where = where.but(tasks=where.tasks + (task["id"],))
            elif where.tasks and self.chance(0.2):
                out.append({"id": self.id("cancel", where), "cancel": self.rng.choice(where.tasks)})
            else:
                out.append(self.step(where, depth + 1))
        if all(s.get("background") for s in out):
            out.append(self.step(where, depth + 1))
        return out

    def step(self, where, depth, shield=True):
        rng = self.rng
        self.budget -= 1
        leaf = self.budget <= 0 or depth > 5 or self.chance(0.3)
        kind = "leaf" if leaf else rng.choice(["steps", "gather", "gather", "wait", "taskgroup", "taskgroup"])
        name = self.id(kind[0] if leaf else kind, where)
        step = {"id": name}
        few = 0.4 if leaf else 1.0  # a leaf has fewer modifiers
        inner = where
        if self.chance(0.13 * few):
            step["retry"] = self.retry()
            inner = inner.but(retried=True)
        if where.semaphores and self.chance(0.3):
            step["semaphore"] = rng.choice(where.semaphores)
            inner = inner.but(semaphores=(), tasks=())
        if leaf:
            self.leaf(step, inner, name)
        else:
            self.block(step, inner, depth, kind)
        if self.chance(0.2 * few):
            step["timeout"] = self.duration(50)
        if self.chance(0.05 * few):
            step["total_timeout"] = self.duration(80)
        if shield and self.chance(0.06):
            step["shield"] = True
        self.handlers(step, where, depth, few)
        return step

    def leaf(self, step, where, name):
        rng = self.rng
        if where.tasks and self.chance(0.5):
            if self.chance(0.25):
                step["steps"] = [{"sleep": self.duration()}, {"id": self.id("cancel", where), "cancel": rng.choice(where.tasks)}]
            else:
                step["await"] = rng.choice(where.tasks)
            return
        n = rng.random()
        if n < 0.12:
            step["sleep"] = self.duration()
        elif n < 0.17:
            step["value"] = name
        else:
            last = {"value": name}
            if not where.cleanup and n < 0.5:
                last = {"fail": self.fail(name)}
            step["steps"] = [{"sleep": self.duration()}, last]
            if "retry" in step and "fail" in last:
                last["id"] = self.id("fail", where)
                last["if"] = f"attempt <= {rng.randint(1, 2)}"
                step["steps"].append({"value": name})

    def block(self, step, where, depth, kind):
        rng = self.rng
        if kind == "steps":
            step["steps"] = self.steps(where, depth)
            return
        step[kind] = [self.step(where, depth + 1) for _ in range(rng.choice([1, 2, 2, 3, 3, 4]))]
        if self.chance(0.1):
            step["limit"] = rng.randint(1, 2)
        if kind == "gather":
            n = rng.random()
            if n < 0.25:
                step["return_exceptions"] = True
            elif n < 0.4:
                step["errors"] = "group"
        if kind == "wait":
            step["return_when"] = rng.choice(["all_completed", "first_completed", "first_exception"])
            if self.chance(0.3):
                step["return_after"] = self.duration()

    def retry(self):
        retry = {"attempts": self.rng.randint(2, 3), **self.match()}
        if self.chance(0.7):
            retry["delay"] = self.duration(12)
            if self.chance(0.4):
                retry["factor"] = 2
        return retry

    def handlers(self, step, where, depth, few):
        clauses = []
        if self.chance(0.2 * few):
            for _ in range(self.rng.choice([1, 1, 2, 3])):
                clauses.append({**self.match(), **self.clause(where, depth)})
        if self.chance(0.2):
            clean = self.cleanup(where, depth)
            clauses.insert(self.rng.randint(0, len(clauses)), {"match": "CancelledError", **clean})
        if clauses:
            step["except"] = clauses
        if self.chance(0.07 * few):
            step["else"] = [self.step(where, depth + 2, shield=False)]
        if self.chance(0.1 * few):
            step["finally"] = [self.cleanup(where, depth)]

    def clause(self, where, depth):
        n = self.rng.random()
        if n < 0.2:
            return {"id": self.id("again", where), "steps": [{"sleep": self.duration(10)}, {"fail": "${{ error }}"}]}
        step = self.step(where, depth + 2)
        for key in ("timeout", "total_timeout") if n < 0.6 else ():
            step.pop(key, None)
        return step

    def cleanup(self, where, depth):
        """Sleeps, now and then more than one at once, and now and then one that fails."""
        name = self.id("clean", where)
        n = self.rng.random()
        if n < 0.55:
            return {"id": name, "sleep": self.duration(12)}
        if n < 0.7:
            return {"id": name, "steps": [{"sleep": self.duration(12)}, {"fail": self.fail(name)}]}
        inside = where.but(cleanup=True, tasks=(), semaphores=())
        return {"id": name, "steps": [self.step(inside, depth + 2)]}


def tree(seed):
    """The first fit workflow of a seed, and its outcome."""
    rng = random.Random(seed)
    while True:
        g = Generator(rng)
        flow = g.flow()
        try:
            out = Run(flow).run()
            for key in ("states", "ends"):  # of a step that may run more than once, which end counts is no rule
                out[key] = {n: v for n, v in out[key].items() if n not in g.retried}
            return flow, {**out, "retried": g.retried}
        except Unfit:
            continue


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--trees", type=int, default=300)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--file")
    args = args.parse_args()
    if args.file:
        flow = json.load(sys.stdin if args.file == "-" else open(args.file))
        json.dump(Run(flow).run(), sys.stdout, indent=1)
        return
    for i in range(args.trees):
        seed = args.seed * 1_000_000 + i
        flow, outcome = tree(seed)
        print(json.dumps({"name": f"tree_{seed}", "file": json.dumps(flow), **outcome}, sort_keys=True))


if __name__ == "__main__":
    main()
