"""What bilge is told to do in a world, and what that means: the judge asks a Command, never its words."""
import os

AGES = {'1d': 1, '7d': 7, '2w': 14, '20d': 20, '45d': 45}


class Command:
    """`verb` says what may be deleted: read, garbage, older, free, guard, service, all, id, repair, restore, dedupe."""

    def __init__(self, verb, words, **meaning):
        self.verb, self.words = verb, words
        self.services = meaning.get('services', [])
        self.ids = meaning.get('ids', [])
        self.older_s = meaning.get('older_s')
        self.keep = meaning.get('keep')
        self.live = meaning.get('live', False)  # current caches of the project may go, too
        self.abandoned_s = meaning.get('abandoned_s', 30 * 86400)
        self.now = meaning.get('now', False)
        self.json = meaning.get('json', False)
        self.usage = meaning.get('usage', False)  # the words are wrong: exit 2, and nothing happens
        self.folder = meaning.get('folder', 'cwd')
        self.rooted = True  # with --cache-root

    def __str__(self):
        return 'bilge ' + ' '.join(self.words)


def roots_of(world, rng):
    """--cache-root, unless the project can tell. Where the machine has caches of its own in the default place, a bilge
    that does not hear of the project in time would turn to them: then it is always told."""
    told = world.project == 'good' and any(place.services for place in world.places) and world.ruined is None
    if told and not os.path.lexists('/tmp/docker-cache') and rng.random() < 0.4:
        return [], False
    words = []
    for root in world.roots + ([world.path(rng.choice(['none', 'outside/thesis.txt']))] if rng.random() < 0.03 else []):
        words += ['--cache-root', root]
    return words, True


def names_of(world, rng, count=1):
    """Names and paths by which directories can be asked for."""
    names = []
    for place in rng.sample(world.places, min(count, len(world.places))):
        own = sorted(place.services)
        choices = [place.name] + own + ([place.path] if rng.random() < 0.3 else [])
        names.append(rng.choice(choices))
    return names


def service_words(names):
    return [word for name in names for word in (['--service=' + name] if name.startswith('-') else ['--service', name])]


def whole_disk(world):
    st = os.statvfs(world.path('caches'))
    return f'{(st.f_blocks * st.f_frsize - 4096) // 1000}kB'


def make(world, rng):
    """One command of any kind."""
    kinds = [(10, status), (14, garbage), (10, service), (8, older), (7, free), (4, everything), (5, by_id), (6, verify),
             (9, repair), (8, restore), (6, dedupe), (10, guard), (4, wrong)]
    make_one = rng.choices([kind for _, kind in kinds], [weight for weight, _ in kinds])[0]
    roots, rooted = roots_of(world, rng)
    command = make_one(world, rng)
    command.rooted = rooted
    command.words = command.words + roots
    if command.json:
        command.words.append('--json')
    return command


def pair(world, rng):
    """One command or two; sometimes the other project is looked at first, so that bilge knows of it."""
    commands = [make(world, rng) for _ in range(rng.choice([1, 2, 2]))]
    if any(place.others for place in world.places) and rng.random() < 0.3 and world.ruined is None:
        commands.insert(0, Command('read', ['status'], folder='other'))
    return commands


def prune(verb, rng, words, **meaning):
    """A prune that deletes, or (one in five) one that must not."""
    meaning['json'] = rng.random() < 0.75
    refused = rng.random()
    if refused < 0.12:
        return Command('read', ['prune', *words, '--dry-run'] + rng.choice([[], ['--yes']]), **meaning)
    if refused < 0.16:
        return Command('read', ['prune', *words, '--yes', '--read-only'], usage=True, **meaning)
    if refused < 0.2:
        return Command('read', ['prune', *words], usage=True, **meaning)
    if verb != 'read' and rng.random() < 0.05:
        return Command(verb, ['prune', *words, '--yes', '--now'], now=True, **meaning)
    return Command(verb, ['prune', *words, '--yes'], **meaning)


def status(world, rng):
    words = rng.choice([['status'], ['status'], ['status', '--read-only'], []])
    return Command('read', words, json=rng.random() < 0.8)


def garbage(world, rng):
    if rng.random() < 0.3:
        keep = rng.randint(1, 4)
        return prune('garbage', rng, ['--keep-generations', str(keep)], keep=keep)
    words, meaning = ['--garbage'], {}
    if rng.random() < 0.3:
        meaning['services'] = names_of(world, rng, rng.randint(1, 2))
        words += service_words(meaning['services'])
    if rng.random() < 0.3:
        age = rng.choice(sorted(AGES))
        meaning['older_s'] = AGES[age] * 86400
        words += ['--older-than', age]
    return prune('garbage', rng, words, **meaning)


def service(world, rng):
    names = names_of(world, rng, rng.choice([1, 1, 2]))
    words, meaning = service_words(names), {'services': names}
    if rng.random() < 0.2:
        age = rng.choice(sorted(AGES))
        meaning['older_s'] = AGES[age] * 86400
        words += ['--older-than', age]
    return prune('service', rng, words, **meaning)


def leave(rng):
    """What widens the choice of whole caches."""
    words, meaning = [], {}
    if rng.random() < 0.15:
        words, meaning = ['--live'], {'live': True}
    if rng.random() < 0.15:
        age = rng.choice(sorted(AGES))
        words, meaning['abandoned_s'] = words + ['--abandoned-after', age], AGES[age] * 86400
    return words, meaning


def older(world, rng):
    age = rng.choice(sorted(AGES))
    words, meaning = leave(rng)
    return prune('older', rng, ['--older-than', age] + words, older_s=AGES[age] * 86400, **meaning)


def free(world, rng):
    words, meaning = leave(rng)
    return prune('free', rng, ['--free', rng.choice(['10kB', '100kB', '1GB', '10TB'])] + words, **meaning)


def everything(world, rng):
    words, meaning = ['--all'], {}
    if rng.random() < 0.3:
        age = rng.choice(sorted(AGES))
        words, meaning = ['--all', '--older-than', age], {'older_s': AGES[age] * 86400}
    return prune('all', rng, words, **meaning)


def by_id(world, rng):
    """Exports and blobs by their digests; also ones that are live."""
    known = [name for layout in world.layouts().values() for name in layout.blobs]
    if not known:
        return status(world, rng)
    names = rng.sample(sorted(set(known)), 1)
    words = [word for name in names for word in ('--id', rng.choice(['sha256:', '']) + name)]
    return prune('id', rng, words, ids=names)


def verify(world, rng):
    names = [name for name in names_of(world, rng) if not name.startswith('-')] if rng.random() < 0.3 else []
    return Command('read', ['verify'] + names, services=names, json=rng.random() < 0.8)


def repair(world, rng):
    names = [name for name in names_of(world, rng) if not name.startswith('-')] if rng.random() < 0.3 else []
    if rng.random() < 0.1:
        return Command('read', ['verify', '--repair'] + names, usage=True)
    return Command('repair', ['verify', '--repair', '--yes'] + names, services=names, json=rng.random() < 0.7)


def restore(world, rng):
    name = names_of(world, rng)[0]
    if name.startswith('-'):
        return verify(world, rng)
    words = ['restore', name]
    exports = [export.manifest for place in world.places if name in (place.name, place.path) or name in place.services
               for export in world.layouts()[place.path].exports]
    if exports and rng.random() < 0.4:
        words += ['--generation', rng.choice(exports)[:rng.choice([12, 20, 64])]]
    if rng.random() < 0.1:
        return Command('read', words + ['--read-only'], usage=True)
    return Command('restore', words, services=[name], json=rng.random() < 0.5)


def dedupe(world, rng):
    across = rng.choice([[], ['--across-users']])
    if rng.random() < 0.25:
        return Command('read', ['dedupe', '--dry-run'] + across, json=True)
    return Command('dedupe', ['dedupe', '--yes'] + across, json=rng.random() < 0.7)


def guard(world, rng):
    more, meaning = leave(rng)
    words = ['guard', '--once', '--keep-free', whole_disk(world)] + more
    if rng.random() < 0.1:
        return Command('read', words + ['--read-only'], usage=True)
    return Command('guard', words, json=rng.random() < 0.7, **meaning)


def wrong(world, rng):
    """Words that make no sense, or a habit from docker: nothing may come of them."""
    words = rng.choice([
        ['prune', '--garbage', '-y', '-f', '--dry-run'], ['prune', '-f', '--garbage', '--yes'], ['prune', '--all', '--garbage', '--yes'],
        ['prune', '--service', '--yes', '--garbage'], ['prune', '--free', '10', '--yes'], ['prune', '--yes'],
        ['prune', '--older-than', '', '--yes'], ['prune', '--service', '', '--yes'], ['prune', '--all', 'web', '--yes'],
        ['prune', '--older-than', '5', '--yes'], ['guard', '--once', '--keep-free', '1000'], ['prune', '--id', '--yes'],
        ['prune', '--garbage', '--wait', '--now', '--yes'], ['prune', '--garbag', '--yes'], ['restore'], ['prune', '--service=', '--yes'],
    ])
    return Command('read', words, usage=True)
