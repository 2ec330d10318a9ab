"""What the attacks share: bilge's commands, how they are called, and how results are told (TAP)."""
import argparse
import functools
import multiprocessing
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import world as worlds

HERE = os.path.dirname(os.path.abspath(__file__))
SUPPORT = os.path.join(os.path.dirname(HERE), "support")
SLOW = max(1, int(os.environ.get("BILGE_TEST_SLOW", "1")))
LIMIT_S = 30 * SLOW  # that a call of bilge may take; it takes 0.05

# What a process may have too little of (ulimit).
LIMITS = {"descriptors": resource.RLIMIT_NOFILE, "file-size": resource.RLIMIT_FSIZE}

GARBAGE = ["prune", "--garbage", "--yes"]

# Each command that changes something. --free: more than the garbage, so that a whole cache goes, too.
COMMANDS = {
    "prune-garbage": GARBAGE,
    "prune-keep": ["prune", "--keep-generations", "2", "--yes"],
    "prune-service": ["prune", "--service", "api", "--yes"],
    "prune-older-than": ["prune", "--older-than", "45d", "--yes"],
    "prune-free": ["prune", "--free", "110kB", "--yes"],
    "prune-all": ["prune", "--all", "--yes"],
    "restore": ["restore", "api"],
    "verify-repair": ["verify", "--repair", "--yes", "api", "web", "torn", "lost"],
    "dedupe": ["dedupe", "--yes"],
    "build": ["build", "api"],
    "first-build": ["build", "api"],  # there is no history yet
}


def in_build(*names):
    """A product of the build; these tests also run by hand, from a build directory or above one."""
    for folder in (os.path.dirname(os.environ.get("BILGE_TEST_BIN", "")) or ".", "build"):
        if os.path.exists(os.path.join(folder, *names)):
            return os.path.abspath(os.path.join(folder, *names))
    return None


# ------------------------------------------------------------------------ telling


class Tap:
    def __init__(self):
        self.number = self.failed = 0

    def ok(self, passed, name, why=()):
        self.number += 1
        self.failed += not passed
        print(f"{'ok' if passed else 'not ok'} {self.number} - {name}")
        for line in why:
            print("#   " + line)
        sys.stdout.flush()

    def end(self):
        print(f"1..{self.number}")
        sys.exit(1 if self.failed else 0)


def skip_all(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def say(text):
    print("# " + text)
    sys.stdout.flush()


# ------------------------------------------------------------------------ calling


@functools.lru_cache
def sanitizers():
    """Libraries that must be loaded before any other."""
    needed = subprocess.run(["ldd", in_build("bilge")], capture_output=True, text=True, check=False).stdout
    return [line.split()[2] for line in needed.splitlines() if "libasan" in line and "=>" in line]


class Place:
    """A directory for all worlds of one run, in memory when there is such a place, and an engine that has nothing."""

    def __init__(self):
        base = os.environ.get("TMPDIR") or ("/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.path = os.path.realpath(tempfile.mkdtemp(prefix="bilge-attack.", dir=base))
        self.bin = os.path.join(self.path, "bin")
        os.makedirs(self.bin)
        os.makedirs(os.path.join(self.path, "proc"))
        shutil.copy(os.path.join(SUPPORT, "fake-docker"), os.path.join(self.bin, "docker"))
        os.chmod(os.path.join(self.bin, "docker"), 0o755)
        self.engine = self.start_engine()

    def start_engine(self):
        folder = os.path.join(self.path, "engine")
        os.makedirs(folder)
        answers = {
            "_ping": "OK",
            "version": '{"Version":"26.1.5","ApiVersion":"1.45","Os":"linux"}',
            "info": f'{{"ServerVersion":"26.1.5","DockerRootDir":"{folder}"}}',
            "system_df": '{"BuildCache":[]}',
        }
        for name, text in answers.items():
            worlds.put_file(os.path.join(folder, name + ".json"), text.encode())
        socket = os.path.join(self.path, "engine.sock")
        engine = subprocess.Popen(
            [in_build("tests", "support", "fake-engine"), socket, folder], stdout=subprocess.DEVNULL
        )
        while not os.path.exists(socket) and engine.poll() is None:
            time.sleep(0.01)
        return engine

    def remove(self):
        self.engine.kill()
        self.engine.wait()
        shutil.rmtree(self.path, ignore_errors=True)


class Ended:
    """How a call of bilge ended."""

    def __init__(self, status, out, err, calls, hung=False):
        self.status, self.out, self.err, self.calls, self.hung = status, out, err, calls, hung

    def words(self):
        return f"status {self.status}; " + (self.err.strip() or self.out.strip())[-300:].replace("\n", " | ")


class Caller:
    """Calls bilge in a world, with faults.so before libc when something is to happen in it."""

    def __init__(self, place, program=None):
        self.place = place
        self.program = program or [in_build("bilge")]

    def environment(self, world):
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")}
        kept["PATH"] = self.place.bin + ":" + kept.get("PATH", "/usr/bin:/bin")
        return {
            **kept,
            "HOME": world.home,
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "DOCKER_HOST": "unix://" + os.path.join(self.place.path, "engine.sock"),
            "DOCKER_CONFIG": os.path.join(world.home, ".docker"),
            "FAKE_DOCKER_DIR": world.docker,
            "BILGE_ATTACK_ROOT": world.root,
            "BILGE_PROC": os.path.join(self.place.path, "proc"),
        }

    def faults(self, world, what):
        program = os.path.basename(os.path.realpath(shutil.which(self.program[0])))
        preload = sanitizers() + [in_build("tests", "attack", "faults.so")]
        set_up = {"FAULTS_PROGRAM": program, "FAULTS_BELOW": world.path, "FAULTS_NO_PAUSE": "1"}
        # Where calls fail, the search for leaks does, too.
        asan = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        return {"LD_PRELOAD": " ".join(preload), "ASAN_OPTIONS": asan, **set_up, **what}

    def start(self, world, arguments, what=None, fds=(), limit=None, **kept):
        environment = self.environment(world)
        if limit is not None:
            kept["preexec_fn"] = lambda: resource.setrlimit(LIMITS[limit[0]], (limit[1], limit[1]))
        if what is not None:
            environment.update(self.faults(world, what))
        return subprocess.Popen(
            self.program + arguments + ["--cache-root", world.root],
            env=environment,
            cwd=world.project,
            stdin=subprocess.DEVNULL,
            pass_fds=fds,
            start_new_session=True,
            **kept,
        )

    def call_bilge(self, world, arguments):
        """The real one, without faults.so, even if a stand-in is what is tested. Returns its exit status."""
        return subprocess.run(
            [in_build("bilge"), *arguments, "--cache-root", world.root],
            env=self.environment(world),
            cwd=world.project,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        ).returncode

    def call(self, world, arguments, call=None, nth=0, how=None, action=None):
        """To its end. `call`, `nth`, `how`: see faults.c, or one of LIMITS, how much of it there is, and "limit".
        `action` is called with the process when faults.so asks."""
        log = tempfile.TemporaryFile(dir=self.place.path)
        ended, alive = os.pipe()
        fds = [log.fileno(), alive]
        what = {"FAULTS_LOG": str(log.fileno())}
        limit = (call, nth) if how == "limit" else None
        if how is not None and limit is None:
            what.update({"FAULTS_CALL": call, "FAULTS_NTH": str(nth), "FAULTS_HOW": how})
        asked = answer = None
        if action is not None:
            asked, ask = os.pipe()
            hear, answer = os.pipe()
            fds += [ask, hear]
            what.update({"FAULTS_ASK": str(ask), "FAULTS_ANSWER": str(hear)})
        process = self.start(world, arguments, what, fds, limit, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if action is not None:
            os.close(ask)
            os.close(hear)
            answer_when_asked(asked, answer, lambda: action(process))
        out, err, hung = finish(process)
        os.close(alive)
        select.select([ended], [], [], LIMIT_S)  # its children may live on: a build does, when bilge is killed
        os.close(ended)
        calls = read_log(log)
        log.close()
        return Ended(process.returncode, out, err, calls, hung)


def read_log(log):
    """(kind, path) of each call. The offset is the program's, too."""
    text = os.pread(log.fileno(), os.fstat(log.fileno()).st_size, 0).decode(errors="replace")
    return [(line.split(" ", 1) + [""])[:2] for line in text.splitlines()]


def answer_when_asked(asked, answer, action):
    """The pipe ends when the program does."""
    ready, _, _ = select.select([asked], [], [], LIMIT_S)
    if ready and os.read(asked, 1):
        action()
        try:
            os.write(answer, b"!")
        except BrokenPipeError:  # a signal has ended it
            pass
    os.close(asked)
    os.close(answer)


def finish(process):
    """What it said; and True when it had to be ended."""
    try:
        texts, hung = process.communicate(timeout=LIMIT_S), False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        texts, hung = process.communicate(), True
    return *((text or b"").decode(errors="replace") for text in texts), hung


# ------------------------------------------------------------------------- rounds


class Scene:
    """A command and its world: how that is before and after, and a judge who knows both."""

    def __init__(self, caller, name, arguments=None):
        self.name = name
        self.arguments = arguments or COMMANDS[name]
        self.caller = caller
        first = worlds.World(os.path.join(caller.place.path, "first-" + name), damaged=name == "verify-repair")
        first.make()
        if name != "first-build":
            caller.call_bilge(first, ["status"])
        self.mould = worlds.Mould(first.path)
        before, outside = worlds.picture(first.root), worlds.picture(first.outside)
        self.undisturbed = caller.call(first, self.arguments)
        after = worlds.picture(first.root)
        first.remove()
        # What is in the way of one thing makes --free take another one.
        self.exact = name != "prune-free"
        self.judge = worlds.Judge(before, after, outside, () if self.exact else self.all_that_can_go(before))

    def all_that_can_go(self, before):
        world = self.new_world("all-" + self.name)
        self.caller.call(world, ["prune", "--free", "1TB", "--yes"])
        self.caller.call(world, GARBAGE)
        left = worlds.picture(world.root)
        world.remove()
        return [path for path in before if path not in left]

    def fault_without_faults(self):
        """A command that does nothing, or can't be called like this, would prove nothing."""
        if self.undisturbed.status != 0:
            return "it fails without any fault: " + self.undisturbed.words()
        if self.judge.before == self.judge.after:
            return "it changes nothing"
        return None

    def new_world(self, name):
        world = worlds.World(os.path.join(self.caller.place.path, name))
        self.mould.cast(world.path)
        return world


def word_faults(ended):
    """What is left alone (3) may be told in the plan, too; a failure is told on stderr, or in the JSON, or by verify as found."""
    printed = ended.status == 3 or '"failed":[{' in ended.out or ": missing: it has gone since" in ended.out
    words = ended.err + ended.out if printed else ended.err
    return [] if ended.status in (0, 130) or words.strip() else ["it failed without a word"]


def end_faults(scene, world, ended, killed=False):
    """Whether the exit status and the words are true."""
    if ended.hung:
        return [f"it hung for {LIMIT_S} s"]
    if killed and ended.status == -signal.SIGKILL:
        return []
    faults = []
    reached = worlds.picture(world.root) == scene.judge.after
    if ended.status not in (0, 1, 3, 130):
        faults.append(f"it ended with status {ended.status}")
    left = worlds.leftovers(world.root)
    # Without its history bilge knows less of whose a cache is, spares it, and says so.
    spared = "history" in ended.err
    if ended.status == 0 and (left or (scene.exact and not reached and not spared)):
        faults.append("exit 0, but " + (f"{left[0]} is left" if left else "not all was done"))
    return faults + word_faults(ended)


def history_faults(scene, world):
    """Whatever happened, what is remembered can be read."""
    fault = worlds.database_fault(os.path.join(world.home, ".local/state/bilge/history.db"))
    faults = [fault] if fault else []
    if scene.arguments[0] == "build" and scene.caller.call_bilge(world, ["history"]) != 0:
        faults.append("bilge history fails")
    return faults


def clean_up_faults(scene, world):
    """The next deleting command leaves nothing of bilge's behind, and nothing broken."""
    now = worlds.picture(world.root)
    if now == scene.judge.before:
        return history_faults(scene, world)
    judge = worlds.Judge(now, now, scene.judge.outside)
    live = {name: worlds.missing_in(world.at(name)) for name in worlds.caches_in(world.root)}
    ended = scene.caller.call(world, GARBAGE)
    faults = [] if ended.status == 0 and not ended.hung else ["the next prune --garbage: " + ended.words()]
    left = worlds.leftovers(world.root)
    if left:
        faults.append("left after the next prune --garbage: " + ", ".join(left[:3]))
    for name, missing in live.items():
        if missing != worlds.missing_in(world.at(name)):
            faults.append(f"the next prune --garbage broke {name}")
    outside = judge.outside_fault(world)
    return faults + ([outside] if outside else []) + history_faults(scene, world)


the_job = None  # of the processes that are forked next: it can't be sent to them


def do_job(one):
    return one, the_job(one)


def in_parallel(job, rounds, workers, on_result):
    """Calls job(round) in some processes; on_result(round, result) in this one, in any order."""
    global the_job
    the_job = job
    if workers == 1:
        for one in rounds:
            on_result(one, job(one))
        return
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        for one, result in pool.imap_unordered(do_job, rounds, chunksize=4):
            on_result(one, result)


def sample(rounds, most):
    """So many of them, evenly; always the same ones."""
    if not most or len(rounds) <= most:
        return rounds
    return [rounds[i * len(rounds) // most] for i in range(most)]


def options(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--full", action="store_true", help="everything: for make check-long")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="processes at once")
    parser.add_argument("--keep", action="store_true", help="leave the world of a failed round on the disk")
    return parser


def require_build():
    for names in (("bilge",), ("tests", "support", "fake-engine"), ("tests", "attack", "faults.so")):
        if in_build(*names) is None:
            skip_all("/".join(names) + " was not built")
