/* What the faces ask of a benchmark. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/bench/mark.h"
#include "core/bilge/benching/benching_private.h"
#include "core/bilge/requests/requests.h"

static char *temporary_directory(void)
{
    const char *parent = getenv("TMPDIR");
    if (parent == NULL || parent[0] != '/')
        parent = "/tmp";
    size_t len = strlen(parent);
    while (len > 1 && parent[len - 1] == '/')
        len--;
    return mem_strndup(parent, len);
}

static struct bench *make_bench(struct benching *benching,
                                const struct bilge_bench_options *options)
{
    struct bench *bench = mem_zalloc(sizeof *bench);
    bench->mark = mark_make(&benching->token);
    bench->parent = temporary_directory();
    bench->directory = path_join(bench->parent, bench->mark);
    bench->rounds = options->rounds;
    memcpy(bench->wanted, options->wanted, sizeof bench->wanted);
    mem_replace(&bench->files[BENCH_ORIGINAL], options->original);
    mem_replace(&bench->files[BENCH_OPTIMISED], options->optimised);
    bench->services = mem_zalloc((options->services_len + 1) * sizeof *bench->services);
    for (; bench->services_len < options->services_len; bench->services_len++)
        bench->services[bench->services_len].name =
            mem_strdup(options->services[bench->services_len]);
    return bench;
}

int bilge_bench(struct bilge *bilge, const struct bilge_bench_options *options,
                const struct bilge_bench_ops *ops, void *arg, struct err *err)
{
    if (bilge->benching != NULL)
        return err_set(err, ERR_BUSY, "a benchmark is under way");
    struct benching *benching = mem_zalloc(sizeof *benching);
    benching->ops = *ops;
    benching->arg = arg;
    benching->bench = make_bench(benching, options);
    strlist_add_all(&benching->given_code, options->code_files, options->code_files_len);
    strlist_add_all(&benching->given_dependencies, options->dependency_files,
                  options->dependency_files_len);
    benching->lock = -1;
    atomic_init(&benching->cancel, false);
    bilge->benching = benching;
    int code = benching_read(bilge, err);
    if (code < 0) {
        benching_free(benching);
        bilge->benching = NULL;
    }
    return code;
}

const struct bench *bilge_bench_state(const struct bilge *bilge)
{
    return bilge->benching != NULL ? bilge->benching->bench : NULL;
}

int bilge_bench_run(struct bilge *bilge, struct err *err)
{
    struct benching *benching = bilge->benching;
    if (bilge->read_only)
        return err_set(err, ERR_USAGE, "read-only: nothing is built");
    if (benching == NULL || benching->bench->state != BENCH_READY)
        return err_set(err, ERR_USAGE, "there is no benchmark to run");
    benching->traces = traces_new(benching->bench->mark);
    for (size_t i = 0; i < benching->bench->services_len; i++)
        for (int variant = 0; variant < BENCH_VARIANTS; variant++)
            traces_add_dockerfile(benching->traces,
                                  benching->bench->services[i].sources[variant].dockerfile_text);
    benching->bench->state = BENCH_RUNNING;
    benching->bench->started_at = clock_now();
    benching_look(bilge);
    return 0;
}

void bilge_bench_cancel(struct bilge *bilge)
{
    struct benching *benching = bilge->benching;
    struct err err;
    if (benching == NULL || benching->bench->state == BENCH_OVER)
        return;
    benching->impatient = benching->ending && benching->phase != BENCHING_BUILD;
    atomic_store(&benching->cancel, true);
    err_set(&err, ERR_CANCELLED, "interrupted");
    benching_fail(benching, &err);
    if (benching->phase == BENCHING_BUILD)
        bilge_build_stop(bilge, benching->bench->build_id);
    else if (benching->phase == BENCHING_PRUNE && benching->impatient)
        bilge_execute_cancel(bilge);
    bilge_wake(bilge);
}

void benching_close(struct bilge *bilge)
{
    struct benching *benching = bilge->benching;
    if (benching == NULL)
        return;
    atomic_store(&benching->cancel, true);
    uv_timer_stop(&bilge->benching_timer);
    if (benching->load != NULL)
        compose_load_cancel(benching->load);
    benching->load = NULL;
    if (benching->saving != NULL)
        logsave_cancel(benching->saving);
    benching->saving = NULL;
}

void benching_free(struct benching *benching)
{
    if (benching == NULL)
        return;
    for (int variant = 0; variant < BENCH_VARIANTS; variant++)
        free(benching->configs[variant]);
    strlist_done(&benching->given_code);
    strlist_done(&benching->given_dependencies);
    strlist_done(&benching->images);
    benching_files_done(benching);
    if (benching->lock >= 0)
        close(benching->lock);
    traces_free(benching->traces);
    bench_free(benching->bench);
    free(benching);
}
