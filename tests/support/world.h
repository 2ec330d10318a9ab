/* All that bilge meets on a machine, made of temporary files: a home, a
 * project, cache directories, a docker in PATH and an engine on a socket. The
 * environment has nothing else in it, so that runs are alike everywhere. */
#ifndef BILGE_TESTS_SUPPORT_WORLD_H
#define BILGE_TESTS_SUPPORT_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/support/fake_cache.h"

struct world {
    char *path;    /* the directory of all this */
    char *project; /* where compose.yml is, and where bilge is started */
    char *caches;  /* the cache root */
    char *proc;    /* what bilge sees of other processes: none, at first */
    char *docker;  /* what the fake docker answers, see fake-docker */
    char *engine;  /* what the fake engine answers, see fake_engine.c */
    char *socket;
    pid_t engine_pid; /* 0: not running */
    int gates_open;
    char **environment; /* NULL-terminated; "NAME=value", each of its own */
};

/* An empty one: no project, no cache, no engine. A docker is in PATH, and has
 * an answer to nothing. */
struct world *world_new(void);
/* Ends what runs in it and removes it. NULL is fine. */
void world_free(struct world *world);

/* Sets a variable of the environment; NULL takes it out. */
void world_setenv(struct world *world, const char *name, const char *value);

/* A compose project with these services (NULL-terminated), each with a cache
 * directory in `caches`, in the fake docker's answers. */
void world_add_project(struct world *world, const char *const *services);
void world_add_cache(struct world *world, const struct fake_cache *cache);

/* Lets a process be seen (its words NULL-terminated), and go again. */
void world_add_process(struct world *world, const char *pid, const char *const *words);
void world_remove_process(struct world *world, const char *pid);

/* What an engine says of one record; ages in seconds, -1: never. */
struct world_record {
    const char *id, *parent, *type, *description;
    int64_t size_bytes;
    int64_t created_s, used_s;
    int uses;
    bool in_use, shared;
};
/* Writes the records, last one all zero, into the engine's answer `name`
 * ("system_df", or "build_prune.after": see fake_engine.c). */
void world_set_records(struct world *world, const char *name, const struct world_record *records);
/* Starts the fake engine; its socket answers when this returns. */
void world_start_engine(struct world *world);
void world_stop_engine(struct world *world);
/* What the engine was asked, one request line each. The caller frees it. */
char *world_requests(struct world *world);
/* What docker was called with, one line a call. The caller frees it. */
char *world_docker_calls(struct world *world);

/* Lets a build in mode "gates" go on to its next part. One such build a world. */
void world_open_gate(struct world *world);

/* The world that most tests look at: three services of a project (caches of
 * several generations), one old directory of none, five records. */
struct world *world_new_usual(void);

#endif
