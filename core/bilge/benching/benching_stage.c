/* On the pool: copies of contexts, edits in them, compose files, and taking all
 * of that away again. One job at a time; while it runs nothing else touches what
 * it works on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/bench/change.h"
#include "core/bench/context.h"
#include "core/bench/frozen.h"
#include "core/bilge/benching/benching_private.h"
#include "core/cache/unlink.h"

#define FILE_MAX_BYTES (8 * 1024 * 1024)

enum { FILE_CODE, FILE_DEPENDENCIES };

struct staging {
    struct job job;
    struct benching *benching;
    struct bench_step step;
    bool all; /* of a sweep */
    int code;
    struct err err;
};

/* -------------------------------------------------------------------- places */

static char *copy_path(const struct bench *bench, enum bench_variant variant)
{
    return mem_printf("%s/%s", bench->directory, bench_variant_name(variant));
}

static char *caches_path(const struct bench *bench, enum bench_variant variant)
{
    return mem_printf("%s/%s-caches", bench->directory, bench_variant_name(variant));
}

char *benching_compose_file(const struct bench *bench, const struct bench_step *step)
{
    return mem_printf("%s/%s.json", bench->directory, bench_variant_name(step->variant));
}

static int remove_from(const char *directory, const char *name, struct err *err)
{
    int fd = -1, code = fs_open_root(directory, &fd, err);
    if (code < 0)
        return code == -ENOENT ? 0 : code;
    code = unlink_tree(fd, name, NULL, NULL, err);
    close(fd);
    return code;
}

/* -------------------------------------------------------------------- the copy */

static void file_done(struct benching_file *file)
{
    free(file->path);
    free(file->dependency);
    buf_done(&file->pristine);
    *file = (struct benching_file){0};
}

void benching_files_done(struct benching *benching)
{
    for (int variant = 0; variant < BENCH_VARIANTS; variant++)
        for (int which = 0; which < 2; which++)
            file_done(&benching->files[variant][which]);
}

static int read_pristine(const char *copy, const char *path, struct benching_file *file,
                         struct err *err)
{
    file_done(file);
    if (path == NULL)
        return 0;
    char *whole = path_join(copy, path);
    int code = fs_read_path(whole, FILE_MAX_BYTES, &file->pristine, err);
    free(whole);
    mem_replace(&file->path, path);
    return code;
}

static int copy_variant(struct staging *staging, enum bench_variant variant)
{
    struct benching *benching = staging->benching;
    struct bench *bench = benching->bench;
    const struct bench_source *source = &bench->services[staging->step.service].sources[variant];
    char *copy = copy_path(bench, variant);
    int code = remove_from(bench->directory, bench_variant_name(variant), &staging->err);
    if (code == 0)
        code = context_copy(source->context, source->dockerfile, copy, &benching->cancel,
                            &staging->err);
    struct benching_file *files = benching->files[variant];
    if (code == 0)
        code = read_pristine(copy, source->code_file, &files[FILE_CODE], &staging->err);
    if (code == 0)
        code = read_pristine(copy, source->dependency_file, &files[FILE_DEPENDENCIES],
                             &staging->err);
    if (code == 0)
        mem_replace(&files[FILE_DEPENDENCIES].dependency, source->dependency);
    free(copy);
    return code;
}

static int copy_contexts(struct staging *staging)
{
    const struct bench *bench = staging->benching->bench;
    int code = 0;
    if (staging->benching->lock < 0)
        code = leftover_make_directory(bench->parent, bench->mark, &staging->benching->lock,
                                       &staging->err);
    for (int variant = 0; variant < BENCH_VARIANTS && code == 0; variant++)
        code = copy_variant(staging, (enum bench_variant)variant);
    return code;
}

/* ------------------------------------------------------------------- the edits */

static int put_file(struct staging *staging, const struct benching_file *file, bool changed)
{
    struct benching *benching = staging->benching;
    char *copy = copy_path(benching->bench, staging->step.variant);
    char *path = mem_printf("%s/%s", copy, file->path);
    struct buf text = {0};
    struct stat st;
    const char *pristine = file->pristine.data != NULL ? file->pristine.data : "";
    int code = stat(path, &st) < 0 ? err_sys(&staging->err, -errno, "looking at %s", path) : 0;
    if (code == 0 && changed)
        code = change_make(file->path, pristine, file->pristine.len, ++benching->token,
                           file->dependency, &text, &staging->err);
    else if (code == 0)
        buf_append(&text, pristine, file->pristine.len);
    if (code == 0)
        code = fs_write_path(path, text.data, text.len, st.st_mode & 07777, &staging->err);
    buf_done(&text);
    free(path);
    free(copy);
    return code;
}

/* A round begins with everything as it was; what is changed in it stays so. */
static int edit(struct staging *staging)
{
    const struct benching_file *files = staging->benching->files[staging->step.variant];
    enum bench_scenario scenario = staging->step.scenario;
    bool first = scenario == BENCH_FIRST || scenario == BENCH_PREPARATION;
    int code = 0;
    for (int which = 0; which < 2 && code == 0; which++) {
        bool meant = scenario == (which == FILE_CODE ? BENCH_CODE : BENCH_DEPENDENCIES);
        if (files[which].path != NULL && (meant || (first && staging->step.round > 0)))
            code = put_file(staging, &files[which], meant);
    }
    return code;
}

/* -------------------------------------------------------------- the compose file */

static int freeze(struct staging *staging)
{
    const struct bench *bench = staging->benching->bench;
    enum bench_variant variant = staging->step.variant;
    const struct bench_service *service = &bench->services[staging->step.service];
    char *copy = copy_path(bench, variant), *caches = caches_path(bench, variant);
    char *image = bench_image(bench, &staging->step), *json = NULL;
    struct frozen_spec spec = {
        .config = staging->benching->configs[variant],
        .service = service->name,
        .context = service->sources[variant].context,
        .copy = copy,
        .dockerfile = service->sources[variant].dockerfile,
        .image = image,
        .caches = caches,
    };
    int code = frozen_make(&spec, &json, &staging->err);
    if (code == 0) {
        char *path = benching_compose_file(bench, &staging->step);
        code = fs_write_path(path, json, strlen(json), 0600, &staging->err);
        free(path);
    }
    free(json);
    free(image);
    free(caches);
    free(copy);
    return code;
}

static void stage_run(struct job *job)
{
    struct staging *staging = (struct staging *)job;
    if (staging->step.starts_service)
        staging->code = copy_contexts(staging);
    if (staging->code == 0)
        staging->code = edit(staging);
    if (staging->code == 0)
        staging->code = freeze(staging);
}

static void stage_done(struct job *job, bool cancelled)
{
    struct staging *staging = (struct staging *)job;
    struct bilge *bilge = job->bilge;
    if (!cancelled && !bilge->closing) {
        if (staging->code < 0)
            benching_fail(bilge->benching, &staging->err);
        benching_go_on(bilge);
    }
    free(staging);
}

static void start(struct bilge *bilge, struct staging *staging, void (*run)(struct job *job),
                  void (*done)(struct job *job, bool cancelled))
{
    staging->benching = bilge->benching;
    staging->job.run = run;
    staging->job.done = done;
    job_start(bilge, &staging->job);
}

void benching_set_stage(struct bilge *bilge)
{
    struct staging *staging = mem_zalloc(sizeof *staging);
    staging->step = bench_step(bilge->benching->bench, bilge->benching->bench->next);
    start(bilge, staging, stage_run, stage_done);
}

/* ----------------------------------------------------------------------- sweep */

static void sweep_round(struct staging *staging)
{
    const struct bench *bench = staging->benching->bench;
    for (int variant = 0; variant < BENCH_VARIANTS && staging->code == 0; variant++) {
        char *name = mem_printf("%s-caches", bench_variant_name((enum bench_variant)variant));
        staging->code = remove_from(bench->directory, name, &staging->err);
        free(name);
    }
    /* As long as the directory is there, the next benchmark tries again. */
    for (size_t i = 0; i < bench->leftovers_len && bench->left.len == 0 && staging->code == 0; i++)
        staging->code = remove_from(bench->parent, bench->leftovers[i].mark, &staging->err);
}

/* When something stays with the engine, an empty directory tells the next one. */
static void sweep_all(struct staging *staging)
{
    const struct bench *bench = staging->benching->bench;
    staging->code = remove_from(bench->parent, bench->mark, &staging->err);
    if (staging->code == 0 && bench->left.len > 0 && staging->benching->lock >= 0)
        mkdir(bench->directory, 0700);
}

static void sweep_run(struct job *job)
{
    struct staging *staging = (struct staging *)job;
    if (staging->all)
        sweep_all(staging);
    else
        sweep_round(staging);
}

static void sweep_done(struct job *job, bool cancelled)
{
    struct staging *staging = (struct staging *)job;
    struct bilge *bilge = job->bilge;
    if (!cancelled && !bilge->closing) {
        struct bench *bench = bilge->benching->bench;
        if (staging->code < 0)
            words_put(&bench->left, mem_printf("%s: %s", bench->directory, staging->err.text));
        benching_go_on(bilge);
    }
    free(staging);
}

void benching_sweep(struct bilge *bilge, bool all)
{
    struct staging *staging = mem_zalloc(sizeof *staging);
    staging->all = all;
    start(bilge, staging, sweep_run, sweep_done);
}
