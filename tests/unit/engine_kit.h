/* An engine that a scripted peer plays, and what it told. */
#ifndef BILGE_TESTS_UNIT_ENGINE_KIT_H
#define BILGE_TESTS_UNIT_ENGINE_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/engine/engine.h"
#include "tests/support/loop.h"
#include "tests/support/peer.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])
#define JSON(body) .answer = "HTTP/1.1 200 OK\r\n\r\n" body
#define PING                                                                                       \
    {                                                                                              \
        "GET /_ping ", PEER_PONG("1.45")                                                           \
    }
#define INFO                                                                                       \
    {                                                                                              \
        "GET /v1.45/info ", JSON("{\"ServerVersion\":\"26.1.5\",\"DockerRootDir\":\"/data\"}")     \
    }
#define RECORDS_PATH "GET /v1.45/system/df?type=build-cache "
#define RECORDS                                                                                    \
    {                                                                                              \
        RECORDS_PATH, JSON("{\"BuildCache\":[{\"ID\":\"abc\",\"Size\":5000000000}]}")              \
    }
#define EVENTS_PATH "GET /v1.45/events?"
#define EVENTS                                                                                     \
    {                                                                                              \
        EVENTS_PATH, .answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",            \
                     .then = PEER_STAY                                                             \
    }
#define EVENT "2\r\n{}\r\n"

/* PING, INFO, RECORDS, EVENTS. */
#define FIXTURE_RULES 4
extern const struct peer_rule fixture_rules[FIXTURE_RULES];

struct fixture {
    struct loop_fixture loop;
    char *dir, *path;
    struct endpoint endpoint;
    struct engine *engine;
    /* what was called */
    bool up, down, read, pruned;
    size_t states, reads, prunes;
    struct records records;
    int pruned_code;
    char pruned_words[512];
    char pruned_ids[256];
    int64_t freed_bytes;
};

void fixture_open(struct fixture *fixture);
/* Plays the engine at fixture->path; fixture_close() closes it. */
struct peer *fixture_peer(struct fixture *fixture, const struct peer_rule *rules, size_t len);
/* Opens the engine; what it calls back is noted. */
void fixture_start(struct fixture *fixture, bool watch);
/* `peer` may be NULL. */
void fixture_close(struct fixture *fixture, struct peer *peer);

#endif
