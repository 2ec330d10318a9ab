/* Private to the runner: see runner.h. */
#ifndef BILGE_BUILD_RUN_RUNNER_PRIVATE_H
#define BILGE_BUILD_RUN_RUNNER_PRIVATE_H

#include "core/base/process.h"
#include "core/base/strlist.h"
#include "core/build/compose/bare.h"
#include "core/build/progress/progress.h"
#include "core/build/run/compat.h"
#include "core/build/run/runner.h"
#include "core/build/run/tool.h"

struct runner {
    uv_loop_t *loop;
    struct build *build;
    const struct runner_ops *ops;
    void *arg;
    struct runner_spec spec; /* its strings are ours */
    struct strlist services, build_args, profiles;
    bool automatic_off; /* DOCKER_BUILDKIT=0 in our environment */
    struct bare bare;   /* copies of the compose files without caches, if needed */
    char *original;     /* compose file of the original Dockerfiles; NULL: none */
    struct strlist environment;
    struct tool_search *search; /* until the tool is known */
    struct tool tool;
    struct compat_probe *probe; /* until docker has said what it can do */
    struct process *process;
    const struct progress_ops *progress_ops;
    void *progress;
    uint64_t shown; /* lines of the log that on_output has got */
    bool paused;    /* the log has no room: the tool waits in its writes */
    uv_timer_t patience;
    size_t signals_sent;
    bool over;
};

/* ---- what is run */
struct strlist runner_arguments(const struct runner_spec *spec);
/* All by the environment: flags differ from version to version, and an older
 * tool stops at a flag that it does not know. */
struct strlist runner_environment(const struct runner_spec *spec);
/* `tool` and the arguments, for people. The caller frees it. */
char *runner_command_of(const struct runner_spec *spec, const char *tool);

/* ---- what it prints */
/* Opens the best parser that the tool's output allows, and adds to the
 * environment what makes the tool print so. */
void runner_output_open(struct runner *runner);
void runner_output_feed(void *runner, enum process_stream stream, const char *data, size_t len);
/* All has been read: what the parser kept back counts too. */
void runner_output_end(struct runner *runner);
void runner_output_close(struct runner *runner);

#endif
