/* A project to build on a real, private engine (tests/support/engine), whose
 * directory BILGE_TEST_ENGINE_DIR names. */
#ifndef BILGE_TESTS_ENGINE_LAB_H
#define BILGE_TESTS_ENGINE_LAB_H

#include <stdint.h>

#include <cjson/cJSON.h>

#include "core/base/mem.h"
#include "tests/screen/terminal.h"

#define LAB_SERVICES 3
extern const char *const lab_services[LAB_SERVICES];

/* What the service "slow" sleeps for: by this it is found among processes. */
#define LAB_SLOW_SECONDS "31719"

struct lab {
    char *engine_dir;
    char *path;    /* below the engine's work/, so that it is the same inside */
    char *project; /* a copy of tests/sample, and a service that takes long */
    char *caches;
    char *home;
    char *socket;
    char **environment;
};

/* NULL when there is no private engine. */
struct lab *lab_new(void);
void lab_free(struct lab *lab);

/* Runs a command in the project to its end; its standard output in ret_out
 * (emptied first; may be NULL), its exit status returned. */
int lab_run(struct lab *lab, const char *const *argv, struct buf *ret_out);
/* bilge with these words (NULL-terminated) behind the cache root. */
int lab_bilge(struct lab *lab, const char *const *words, struct buf *ret_out);
/* What bilge printed with --json among the words; the caller deletes it. */
cJSON *lab_bilge_json(struct lab *lab, const char *const *words, int *ret_status);
struct terminal *lab_open_screen(struct lab *lab, int columns, int rows);

/* tests/support/engine COMMAND for this engine; must succeed. */
void lab_engine(struct lab *lab, const char *command);
/* The same with more words (NULL-terminated). */
void lab_engine_with(struct lab *lab, const char *command, const char *const *words);
/* Adds to the project's compose.yml. */
void lab_add_services(struct lab *lab, const char *text);
/* The engine's own answer, of its API; the caller deletes it. NULL: none. */
cJSON *lab_ask_engine(struct lab *lab, const char *path);
/* Its records; the caller deletes the answer. */
cJSON *lab_records(struct lab *lab, cJSON **ret_answer);

/* `du -B1 -s` of a service's cache directory. */
int64_t lab_du(struct lab *lab, const char *service);
/* Is the service's cache there? */
bool lab_has_cache(struct lab *lab, const char *service);
/* How many processes on this machine have `word` among their arguments. */
int lab_processes(const char *word);

#endif
