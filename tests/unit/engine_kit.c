#include "tests/unit/engine_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/tempdir.h"

const struct peer_rule fixture_rules[FIXTURE_RULES] = {PING, INFO, RECORDS, EVENTS};

static void on_state(void *arg)
{
    struct fixture *fixture = arg;
    enum engine_state state = engine_info(fixture->engine).state;
    fixture->states++;
    fixture->up = state == ENGINE_UP;
    fixture->down = state == ENGINE_DOWN;
}

static void on_records(void *arg, struct records *records)
{
    struct fixture *fixture = arg;
    assert_true(fixture->up);
    records_free(&fixture->records);
    fixture->records = *records;
    fixture->read = true;
    fixture->reads++;
}

static const struct engine_ops ops = {.on_state = on_state, .on_records = on_records};

void fixture_open(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    loop_open(&fixture->loop, 20000);
    fixture->dir = tempdir_new();
    fixture->path = path_join(fixture->dir, "engine.sock");
    static char context[] = "default", host[] = "unix:///somewhere";
    fixture->endpoint = (struct endpoint){context, host, fixture->path};
}

struct peer *fixture_peer(struct fixture *fixture, const struct peer_rule *rules, size_t len)
{
    return peer_open(&fixture->loop.loop, fixture->path, rules, len);
}

void fixture_start(struct fixture *fixture, bool watch)
{
    fixture->engine = engine_open(&fixture->loop.loop, &fixture->endpoint, watch, &ops, fixture);
    assert_int_equal(ENGINE_CONNECTING, engine_info(fixture->engine).state);
    assert_int_equal(0, fixture->states);
}

void fixture_close(struct fixture *fixture, struct peer *peer)
{
    engine_free(fixture->engine);
    if (peer != NULL)
        peer_close(peer);
    loop_finish(&fixture->loop);
    records_free(&fixture->records);
    tempdir_free(fixture->dir);
    free(fixture->path);
}
