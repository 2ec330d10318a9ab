#include "core/app/benching.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/app/engines.h"
#include "core/app/planning.h"
#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/bench/bench.h"
#include "core/bench/change.h"
#include "core/bench/context.h"
#include "core/bench/frozen.h"
#include "core/bench/mark.h"
#include "core/bench/recognise.h"
#include "core/bench/traces.h"
#include "core/builds/log/logsave.h"
#include "core/builds/run/compat.h"
#include "core/cache/unlink.h"

/* a benchmark under way.
 *
 *   reading ──► ready ──► stage ──► build ──► look ─┬─► stage … (the next build)
 *   (files)   (the plan     ▲      (runner)  (engine)│
 *              is shown)    │                        ▼ round over, failed, interrupted
 *                           └──── caches ◄─ prune ◄─ images
 *                                   │
 *                                   ▼ nothing more to build
 *                                 sweep ──► over
 *
 * Before the first build, what others left goes by the same way: images, caches,
 * sweep.
 *
 * benching_requests.c is what the faces ask for, benching.c goes from one phase
 * to the next, benching_read.c reads, benching_stage.c
 * does what takes long on the pool, benching_build.c has a build run,
 * benching_clean.c takes away what was made. */

enum benching_phase {
    BENCHING_IDLE, /* reads, waits for its start, or is over */
    BENCHING_STAGE,
    BENCHING_BUILD,
    BENCHING_LOOK,
    BENCHING_LEFTOVERS, /* asks for the names of their images */
    BENCHING_IMAGES,
    BENCHING_PLAN,
    BENCHING_SETTLE, /* until the engine has let go of what a build held */
    BENCHING_PRUNE,
    BENCHING_SWEEP,
};

/* A file of the copy as it was before any edit, and as it is. */
struct benching_file {
    char *path; /* relative; NULL: not read */
    char *dependency;
    struct buf pristine;
};

struct benching {
    struct bench *bench;
    struct bilge_bench_ops ops;
    void *arg;
    enum benching_phase phase;
    struct compose_load *load;
    char *configs[BENCH_VARIANTS]; /* what compose said of the two projects */
    struct strlist given_code, given_dependencies;

    /* of the service that is measured */
    struct benching_file files[BENCH_VARIANTS][2]; /* code, dependencies */
    uint64_t token;

    int lock;                /* of its directory; -1: not made yet */
    struct logsave *saving;  /* of a build that failed; NULL: nothing is written */
    size_t leftovers_asked;

    struct strlist images; /* made, and not removed yet */
    struct traces *traces;
    unsigned plan_tries, waits;
    bool knows;      /* what was there before is noted */
    bool round_over; /* or all is */
    bool ending;     /* no more builds: it failed, was interrupted, or is done */
    bool impatient;  /* interrupted again */
    atomic_bool cancel; /* seen by what copies */
};

/* ---- cleaning */

static void benching_set_stage(struct bilge *bilge);
static void benching_sweep(struct bilge *bilge, bool all);
static void benching_build(struct bilge *bilge);
static void benching_build_over(struct bilge *bilge, const struct build *build);
static void benching_note_image(struct benching *benching, char *takes);
static void benching_find_leftovers(struct bilge *bilge);
static void benching_remove_images(struct bilge *bilge);
static void benching_plan(struct bilge *bilge);
static void benching_count_prune(struct bilge *bilge);

/* Fails: no more builds. The first error stays. */
static void benching_fail(struct benching *benching, const struct err *err)
{
    if (benching->bench->err.code == 0)
        benching->bench->err = *err;
    benching->ending = benching->round_over = true;
}

/* ------------------------------------------------------------------ the phases */

static void benching_look(struct bilge *bilge)
{
    bilge->benching->phase = BENCHING_LOOK;
    engines_refresh_for_request(bilge, bilge->benching->bench->builder, true);
    bilge_wake(bilge);
}

static void next_or_last(struct bilge *bilge)
{
    struct benching *benching = bilge->benching;
    if (benching->ending || benching->bench->next == bench_steps(benching->bench)) {
        benching->phase = BENCHING_SWEEP;
        benching->ending = true;
        benching_sweep(bilge, true);
        return;
    }
    benching->bench->state = BENCH_RUNNING;
    benching->phase = BENCHING_STAGE;
    benching_set_stage(bilge);
}

static void clean(struct bilge *bilge)
{
    bilge->benching->bench->state = BENCH_CLEANING;
    bilge->benching->phase = BENCHING_IMAGES;
    benching_remove_images(bilge);
}

static void find_leftovers(struct bilge *bilge)
{
    bilge->benching->bench->state = BENCH_CLEANING;
    bilge->benching->phase = BENCHING_LEFTOVERS;
    benching_find_leftovers(bilge);
}

static void after_look(struct bilge *bilge)
{
    struct benching *benching = bilge->benching;
    const struct builder *builder = store_builder(bilge->store, benching->bench->builder);
    bool first = !benching->knows;
    if (first) {
        benching->knows = true;
        if (builder != NULL)
            traces_know(benching->traces, &builder->records);
    }
    if (first && benching->bench->leftovers_len > 0 && !benching->ending)
        find_leftovers(bilge);
    else if (benching->round_over)
        clean(bilge);
    else
        next_or_last(bilge);
}

static void finish(struct bilge *bilge)
{
    struct benching *benching = bilge->benching;
    benching->phase = BENCHING_IDLE;
    benching->bench->state = BENCH_OVER;
    benching->bench->ended_at = clock_now();
    bilge_moved(bilge);
    benching->ops.on_over(benching->arg);
}

/* The phase is over. */
static void benching_go_on(struct bilge *bilge)
{
    struct benching *benching = bilge->benching;
    if (bilge->closing)
        return;
    switch (benching->phase) {
    case BENCHING_STAGE:
        if (benching->ending)
            benching_look(bilge);
        else
            benching_build(bilge);
        break;
    case BENCHING_BUILD:
        benching_look(bilge);
        break;
    case BENCHING_LEFTOVERS:
        clean(bilge);
        break;
    case BENCHING_IMAGES:
        benching->phase = BENCHING_PLAN;
        benching->plan_tries = benching->waits = 0;
        benching_plan(bilge);
        break;
    case BENCHING_PLAN:
        benching->phase = BENCHING_SWEEP;
        benching_sweep(bilge, benching->ending);
        break;
    case BENCHING_SWEEP:
        benching->round_over = false;
        if (benching->ending)
            finish(bilge);
        else
            next_or_last(bilge);
        break;
    default:
        break;
    }
    bilge_moved(bilge);
}

/* What is waited for without a callback of its own. */
void benching_step(struct bilge *bilge)
{
    struct benching *benching = bilge->benching;
    if (benching == NULL)
        return;
    const struct build *build = benching->phase == BENCHING_BUILD
                                    ? store_build(bilge->store, benching->bench->build_id)
                                    : NULL;
    if (build != NULL && build_is_over(build)) {
        benching_build_over(bilge, build);
    } else if (benching->phase == BENCHING_LOOK && !engines_waited_for(bilge)) {
        after_look(bilge);
    } else if (benching->phase == BENCHING_SETTLE &&
               !uv_is_active((uv_handle_t *)&bilge->benching_timer) && !engines_waited_for(bilge)) {
        benching->phase = BENCHING_PLAN;
        benching_plan(bilge);
    } else if (benching->phase == BENCHING_PRUNE && bilge->pruning == NULL &&
               bilge->store->prune.state == PRUNE_OVER) {
        benching_count_prune(bilge);
        benching->phase = BENCHING_PLAN;
        benching_go_on(bilge);
    }
}

/* What a benchmark has to know before it may begin: both projects, the build
 * contexts and which files are to be changed. Nothing is written. */

#define DOCKERFILE_MAX_BYTES (4 * 1024 * 1024)

/* ---------------------------------------------------------- files, on the pool */

struct reading {
    struct job job;
    struct bench *bench;
    int code;
    struct err err;
};

static void read_dockerfile(struct bench_source *source)
{
    struct buf text = {0};
    if (source->dockerfile != NULL &&
        fs_read_path(source->dockerfile, DOCKERFILE_MAX_BYTES, &text, NULL) == 0)
        source->dockerfile_text = buf_take(&text);
    buf_done(&text);
}

static int read_source(const struct bench *bench, const char *service, struct bench_source *source,
                       struct err *err)
{
    if (source->dockerfile_text == NULL)
        read_dockerfile(source);
    int code = context_measure(source->context, source->dockerfile, &source->context_bytes,
                               &source->context_files, err);
    if (code < 0)
        return code;
    return recognise(service, source, bench->wanted[BENCH_CODE], bench->wanted[BENCH_DEPENDENCIES],
                     err);
}

static void read_run(struct job *job)
{
    struct reading *reading = (struct reading *)job;
    struct bench *bench = reading->bench;
    bench->leftovers = leftovers_find(bench->parent, &bench->leftovers_len);
    for (size_t i = 0; i < bench->services_len && reading->code == 0; i++)
        for (int variant = 0; variant < BENCH_VARIANTS && reading->code == 0; variant++)
            reading->code = read_source(bench, bench->services[i].name,
                                        &bench->services[i].sources[variant], &reading->err);
}

static void read_done(struct job *job, bool cancelled)
{
    struct reading *reading = (struct reading *)job;
    struct bilge *bilge = job->bilge;
    struct benching *benching = bilge->benching;
    if (!cancelled && !bilge->closing) {
        benching->bench->state = reading->code < 0 ? BENCH_OVER : BENCH_READY;
        bilge_moved(bilge);
        benching->ops.on_ready(benching->arg, reading->code < 0 ? &reading->err : NULL);
    }
    free(reading);
}

/* ------------------------------------------------------------------- projects */

static const struct compose_service *find(const struct compose_project *project, const char *name)
{
    for (size_t i = 0; i < project->services_len; i++)
        if (strcmp(project->services[i].name, name) == 0)
            return &project->services[i];
    return NULL;
}

static void choose_services(struct bench *bench, const struct compose_project *const *projects)
{
    const struct compose_project *original = projects[BENCH_ORIGINAL];
    bench->services =
        mem_realloc(bench->services, (original->services_len + 1) * sizeof *bench->services);
    for (size_t i = 0; i < original->services_len; i++)
        if (find(projects[BENCH_OPTIMISED], original->services[i].name) != NULL)
            bench->services[bench->services_len++] =
                (struct bench_service){.name = mem_strdup(original->services[i].name)};
}

/* "FILE" is for all services, "SERVICE=FILE" for one; the last word counts. */
static char *given_file(const struct strlist *files, const char *service)
{
    const char *found = NULL;
    size_t name = strlen(service);
    for (size_t i = 0; i < files->len; i++) {
        const char *given = files->items[i], *equals = strchr(given, '=');
        if (equals == NULL)
            found = given;
        else if ((size_t)(equals - given) == name && strncmp(given, service, name) == 0)
            found = equals + 1;
    }
    return found != NULL ? mem_strdup(found) : NULL;
}

static int check_context(const struct bench *bench, const struct compose_service *service,
                         enum bench_variant variant, struct err *err)
{
    if (service->context == NULL || service->context[0] != '/')
        return err_set(err, ERR_UNSUPPORTED,
                       "%s in %s is built from %s: only a directory can be copied and changed",
                       service->name, bench->files[variant],
                       service->context != NULL ? service->context : "no context");
    return 0;
}

static void fill_source(const struct benching *benching, const struct compose_service *service,
                        struct bench_source *source)
{
    char *dockerfile = compose_dockerfile(service);
    source->context = path_plain(service->context);
    /* "../Dockerfile" lies outside, though its path begins with the context's. */
    source->dockerfile = dockerfile != NULL ? path_plain(dockerfile) : NULL;
    free(dockerfile);
    if (benching->bench->wanted[BENCH_CODE])
        source->code_file = given_file(&benching->given_code, service->name);
    if (benching->bench->wanted[BENCH_DEPENDENCIES])
        source->dependency_file = given_file(&benching->given_dependencies, service->name);
}

/* Whatever stands in the way of its builds is found before the first of them. */
static int check_build(const struct benching *benching, const struct bench_service *service,
                       enum bench_variant variant, struct err *err)
{
    const struct bench_source *source = &service->sources[variant];
    struct frozen_spec spec = {
        .config = benching->configs[variant],
        .service = service->name,
        .context = source->context,
        .copy = source->context,
        .dockerfile = source->dockerfile,
        .image = "bench",
        .caches = "/",
    };
    char *json;
    int code = frozen_make(&spec, &json, err);
    if (code == 0)
        free(json);
    return code;
}

static int fill_service(struct benching *benching, struct bench_service *service,
                        const struct compose_project *const *projects, struct err *err)
{
    for (int variant = 0; variant < BENCH_VARIANTS; variant++) {
        const struct compose_service *found = find(projects[variant], service->name);
        if (found == NULL)
            return err_set(err, ERR_USAGE, "%s has no service \"%s\" that builds",
                           benching->bench->files[variant], service->name);
        int code = check_context(benching->bench, found, (enum bench_variant)variant, err);
        if (code < 0)
            return code;
        fill_source(benching, found, &service->sources[variant]);
        code = check_build(benching, service, (enum bench_variant)variant, err);
        if (code < 0)
            return code;
    }
    return 0;
}

static int fill(struct bilge *bilge, const struct compose_project *original, struct err *err)
{
    struct benching *benching = bilge->benching;
    struct bench *bench = benching->bench;
    const struct compose_project *const projects[] = {original, bilge->store->project};
    if (projects[BENCH_OPTIMISED] == NULL)
        return err_set(err, -ENOENT, "%s: %s", bench->files[BENCH_OPTIMISED],
                       bilge->store->project_error != NULL ? bilge->store->project_error
                                                           : "there is no compose project");
    for (int variant = 0; variant < BENCH_VARIANTS; variant++)
        mem_replace(&benching->configs[variant], projects[variant]->text);
    mem_replace(&bench->project, projects[BENCH_OPTIMISED]->name);
    if (bench->services_len == 0)
        choose_services(bench, projects);
    if (bench->services_len == 0)
        return err_set(err, -ENOENT, "%s and %s have no service in common that builds",
                       bench->files[BENCH_ORIGINAL], bench->files[BENCH_OPTIMISED]);
    int code = 0;
    for (size_t i = 0; i < bench->services_len && code == 0; i++)
        code = fill_service(benching, &bench->services[i], projects, err);
    return code;
}

static void on_original(void *arg, struct compose_project *project, const struct err *err)
{
    struct bilge *bilge = arg;
    struct benching *benching = bilge->benching;
    struct err reason;
    benching->load = NULL;
    int code = project == NULL
                   ? err_set(&reason, err->code, "%s: %s", benching->bench->files[BENCH_ORIGINAL],
                             err->text)
                   : fill(bilge, project, &reason);
    compose_project_free(project);
    if (code < 0) {
        benching->bench->state = BENCH_OVER;
        benching->ops.on_ready(benching->arg, &reason);
        return;
    }
    struct reading *reading = mem_zalloc(sizeof *reading);
    reading->job.run = read_run;
    reading->job.done = read_done;
    reading->bench = benching->bench;
    job_start(bilge, &reading->job);
}

/* ----------------------------------------------------------------------- door */

/* What cannot be cleaned is not begun. */
static int check_builder(struct bilge *bilge, struct err *err)
{
    const struct builder *builder = store_selected_builder(bilge->store);
    if (builder == NULL)
        return err_set(err, -ENOENT, "there is no builder");
    if (!builder->reachable)
        return err_set(err, ERR_PEER, "builder %s: %s", builder->name,
                       builder->error != NULL ? builder->error : "no answer in time");
    mem_replace(&bilge->benching->bench->builder, builder->id);
    bilge->benching->bench->forgets_steps = builder_forgets_steps(builder);
    return 0;
}

/* ---- reading. Ends with on_ready. */
static int benching_read(struct bilge *bilge, struct err *err)
{
    struct benching *benching = bilge->benching;
    int code = check_builder(bilge, err);
    if (code < 0)
        return code;
    struct bench *bench = benching->bench;
    if (bench->files[BENCH_ORIGINAL] == NULL)
        bench->files[BENCH_ORIGINAL] = compat_original_file(bench->files[BENCH_OPTIMISED], NULL);
    if (bench->files[BENCH_ORIGINAL] == NULL)
        return err_set(err, ERR_USAGE, "there is no original beside %s: --original FILE",
                       bench->files[BENCH_OPTIMISED]);
    return compose_load(bilge->loop, bench->files[BENCH_ORIGINAL], NULL, on_original, bilge,
                        &benching->load, err);
}

/* On the pool: copies of contexts, edits in them, compose files, and taking all
 * of that away again. One job at a time; while it runs nothing else touches what
 * it works on. */

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

/* The compose file of a step; the caller frees it. */
static char *benching_compose_file(const struct bench *bench, const struct bench_step *step)
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

static void benching_files_done(struct benching *benching)
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

/* ---- stage: copies, edits, the compose file. Ends with benching_go_on(). */
static void benching_set_stage(struct bilge *bilge)
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
            strlist_put(&bench->left, mem_printf("%s: %s", bench->directory, staging->err.text));
        benching_go_on(bilge);
    }
    free(staging);
}

/* Removes the caches of the round and what others left, or (`all`) the directory. */
static void benching_sweep(struct bilge *bilge, bool all)
{
    struct staging *staging = mem_zalloc(sizeof *staging);
    staging->all = all;
    start(bilge, staging, sweep_run, sweep_done);
}

/* One build of a benchmark: how it is asked for, and what came of it. */

static struct bench_step current(const struct benching *benching)
{
    return bench_step(benching->bench, benching->bench->next);
}

/* ---- one build. Ends with benching_go_on(). */
static void benching_build(struct bilge *bilge)
{
    struct benching *benching = bilge->benching;
    struct bench *bench = benching->bench;
    struct bench_step step = current(benching);
    const char *const services[] = {bench->services[step.service].name};
    char *mounts = bench_mounts(bench, &step);
    char *argument = mem_printf("BUILDKIT_CACHE_MOUNT_NS=%s", mounts);
    char *kind = bench_kind(&step), *file = benching_compose_file(bench, &step);
    const char *const arguments[] = {argument};
    struct bilge_build_options options = {
        .no_cache = step.scenario == BENCH_FIRST,
        .build_args = arguments,
        .build_args_len = 1,
        .compose_file = file,
        .kind = kind,
    };
    struct err err;
    benching->phase = BENCHING_BUILD;
    benching_note_image(benching, bench_image(bench, &step));
    if (bilge_build(bilge, services, 1, &options, &bench->build_id, &err) < 0) {
        benching_fail(benching, &err);
        benching_go_on(bilge);
    }
    free(file);
    free(kind);
    free(argument);
    free(mounts);
    bilge_moved(bilge);
}

static bool is_work(const struct step *step)
{
    static const char *const words[] = {"RUN ", "COPY ", "ADD "};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strncasecmp(step->instruction, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

static struct bench_run run_of(const struct build *build)
{
    struct bench_run run = {.started_at = build->started_at, .duration_ms = build->duration_ms};
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct step *step = &build->steps[i];
        if (step->index == 0 || strncasecmp(step->instruction, "FROM ", 5) == 0 ||
            step->state == STEP_WAITING)
            continue;
        run.steps_over += step_is_over(step);
        run.steps_cached += step->state == STEP_CACHED;
        run.work_cached += step->state == STEP_CACHED && is_work(step);
    }
    return run;
}

/* The first build of a round is the one that sends its context whole. */
static void note_traces(struct traces *traces, const struct bench_step *step,
                        const struct build *build)
{
    bool first = step->scenario == BENCH_FIRST || step->scenario == BENCH_PREPARATION;
    traces_add_window(traces, build->started_at, clock_now(), first);
    for (size_t i = 0; i < build->steps_len; i++)
        if (build->steps[i].index > 0)
            traces_add_step(traces, build->steps[i].instruction);
}

static void explain_failure(struct benching *benching, const struct bench_step *step,
                            const struct build *build)
{
    struct bench *bench = benching->bench;
    struct err err;
    const char *service = bench->services[step->service].name;
    const char *variant = bench_variant_name(step->variant);
    const char *title = bench_scenario_words(step->scenario)->title;
    if (build->state == BUILD_CANCELLED)
        err_set(&err, ERR_CANCELLED, "interrupted");
    else if (build->traditional && build->state == BUILD_DONE)
        err_set(&err, ERR_UNSUPPORTED, "%s: the optimised build can't be measured here: %s",
                service, build->way);
    else
        err_set(&err, ERR_PEER, "%s, %s, %s, run %zu: the build failed: %s", service, variant,
                title, step->round + 1,
                build->error != NULL ? build->error : "no reason was given");
    benching_fail(benching, &err);
}

static void on_saved(void *arg, const struct logsave_result *result, const struct err *err)
{
    struct bilge *bilge = arg;
    struct benching *benching = bilge->benching;
    (void)result;
    benching->saving = NULL;
    if (err != NULL)
        strlist_add(&benching->bench->left, err->text);
    else
        benching->bench->log_path = mem_printf("%s.log", benching->bench->directory);
    benching_go_on(bilge);
}

/* Beside the directory, which goes. */
static void keep_log(struct bilge *bilge, const struct build *build)
{
    char *path = mem_printf("%s.log", bilge->benching->bench->directory);
    bilge->benching->saving =
        logsave_start(bilge->loop, build->log, path, NULL, on_saved, bilge);
    free(path);
}

/* The traditional way has neither local caches nor cache mounts. */
static bool is_good(const struct bench_step *step, const struct build *build)
{
    return build->state == BUILD_DONE && (step->variant == BENCH_ORIGINAL || !build->traditional);
}

static void benching_build_over(struct bilge *bilge, const struct build *build)
{
    struct benching *benching = bilge->benching;
    struct bench *bench = benching->bench;
    struct bench_step step = current(benching);
    bench->build_id = 0;
    note_traces(benching->traces, &step, build);
    mem_replace(&bench->tools, build->tool);
    if (is_good(&step, build)) {
        struct bench_run run = run_of(build);
        bench_add_run(&bench->services[step.service], &step, &run);
        bench->next++;
        benching->round_over = step.ends_round;
        benching->ops.on_run(benching->arg, &step, &run);
    } else {
        explain_failure(benching, &step, build);
        if (build->state == BUILD_FAILED) {
            keep_log(bilge, build);
            return;
        }
    }
    benching_go_on(bilge);
}

/* Takes away what the builds of a benchmark left with the engine: images by
 * their names, records by the way of every prune: a plan of exact ids, carried
 * out as it stands. */

/* The engine may let go of records by itself while a plan is made. */
#define PLAN_TRIES 3
#define WAIT_MS 500
#define WAITS_MAX 20

/* --------------------------------------------------------------------- images */

static void note_left(struct benching *benching, const char *what, const char *why)
{
    strlist_put(&benching->bench->left, mem_printf("%s: %s", what, why));
}

/* Takes the name. */
static void benching_note_image(struct benching *benching, char *takes)
{
    strlist_put(&benching->images, takes);
}

static void forget_last_image(struct benching *benching)
{
    free(strlist_take(&benching->images, benching->images.len - 1));
}

static const char *last_image(const struct benching *benching)
{
    return benching->images.items[benching->images.len - 1];
}

static void on_removed(void *arg, bool removed, const struct err *err)
{
    struct bilge *bilge = arg;
    struct benching *benching = bilge->benching;
    if (err != NULL)
        note_left(benching, last_image(benching), err->text);
    benching->bench->images_removed += removed;
    forget_last_image(benching);
    benching_remove_images(bilge);
}

static void benching_remove_images(struct bilge *bilge)
{
    struct benching *benching = bilge->benching;
    struct err err;
    while (benching->images.len > 0) {
        const char *name = last_image(benching);
        int code = bilge->engine != NULL
                       ? engine_remove_image(bilge->engine, name, on_removed, bilge, &err)
                       : err_set(&err, ERR_PEER, "there is no engine");
        if (code == 0)
            return;
        note_left(benching, name, err.text);
        forget_last_image(benching);
    }
    benching_go_on(bilge);
}

/* ------------------------------------------------------------------ leftovers */

static void on_found(void *arg, char *const *names, size_t len, const struct err *err)
{
    struct bilge *bilge = arg;
    struct benching *benching = bilge->benching;
    if (err != NULL)
        note_left(benching, "images of an earlier benchmark", err->text);
    for (size_t i = 0; i < len; i++)
        benching_note_image(benching, mem_strdup(names[i]));
    benching_find_leftovers(bilge);
}

/* Has what others left removed with what this one makes. Ends with benching_go_on(). */
static void benching_find_leftovers(struct bilge *bilge)
{
    struct benching *benching = bilge->benching;
    struct err err;
    while (benching->leftovers_asked < benching->bench->leftovers_len) {
        const char *mark = benching->bench->leftovers[benching->leftovers_asked++].mark;
        char *prefix = mem_printf("%s-", mark);
        traces_add_mark(benching->traces, mark);
        int code = bilge->engine != NULL
                       ? engine_find_images(bilge->engine, prefix, on_found, bilge, &err)
                       : err_set(&err, ERR_PEER, "there is no engine");
        free(prefix);
        if (code == 0)
            return;
        note_left(benching, "images of an earlier benchmark", err.text);
    }
    benching_go_on(bilge);
}

/* -------------------------------------------------------------------- records */

/* What of the plan's wish stays, in a line. */
static void note_kept(struct benching *benching, const struct plan *plan)
{
    if (plan->kept_len == 0)
        return;
    char *line = plan->kept_len == 1
                     ? mem_printf("%s: %s", plan->kept[0].title, plan->kept[0].reason)
                     : mem_printf("%zu records, such as %s: %s", plan->kept_len,
                                  plan->kept[0].title, plan->kept[0].reason);
    strlist_put(&benching->bench->left, line);
}

static void on_plan(void *arg, struct plan *plan, const struct err *err)
{
    struct bilge *bilge = arg;
    struct benching *benching = bilge->benching;
    struct err reason;
    if (plan == NULL && ++benching->plan_tries < PLAN_TRIES) {
        benching_plan(bilge);
        return;
    }
    if (plan == NULL) {
        note_left(benching, "records of the builds", err->text);
        benching_go_on(bilge);
        return;
    }
    note_kept(benching, plan);
    if (plan->items_len == 0) {
        plan_free(plan);
        benching_go_on(bilge);
    } else if (bilge_execute(bilge, plan, &reason) < 0) {
        plan_free(plan);
        note_left(benching, "records of the builds", reason.text);
        benching_go_on(bilge);
    } else {
        benching->phase = BENCHING_PRUNE;
    }
}

static void on_wait_over(uv_timer_t *timer)
{
    struct bilge *bilge = timer->data;
    engines_refresh_for_request(bilge, bilge->benching->bench->builder, true);
    bilge_wake(bilge);
}

static bool wait_for(struct bilge *bilge, size_t held)
{
    struct benching *benching = bilge->benching;
    if (held == 0 || benching->impatient || benching->waits++ == WAITS_MAX)
        return false;
    benching->phase = BENCHING_SETTLE;
    uv_timer_start(&bilge->benching_timer, on_wait_over, WAIT_MS, 0);
    return true;
}

static void benching_plan(struct bilge *bilge)
{
    struct benching *benching = bilge->benching;
    const struct builder *builder = store_builder(bilge->store, benching->bench->builder);
    struct query query;
    struct err err;
    size_t len = 0, held = 0;
    const char **ids =
        builder != NULL ? traces_find(benching->traces, &builder->records, &len, &held) : NULL;
    if (wait_for(bilge, held)) {
        free(ids);
        return;
    }
    if (held > 0)
        note_left(benching, "records of the builds", "some are still in use");
    query_init(&query);
    query.records = true;
    query.ids = ids;
    query.ids_len = len;
    query.builder = benching->bench->builder;
    int code = len > 0 && !benching->impatient
                   ? bilge_plan(bilge, &query, on_plan, bilge, &err)
                   : 0;
    free(ids);
    if (len > 0 && benching->impatient)
        note_left(benching, "records of the builds", "interrupted");
    else if (code < 0)
        note_left(benching, "records of the builds", err.text);
    if (len == 0 || benching->impatient || code < 0)
        benching_go_on(bilge);
}

/* The removal is over: notes what came of it. */
static void benching_count_prune(struct bilge *bilge)
{
    struct bench *bench = bilge->benching->bench;
    const struct prune_status *status = &bilge->store->prune;
    size_t failed = status->failures_len < status->items_done ? status->failures_len : 0;
    bench->records_removed += status->items_done - failed;
    bench->freed_bytes += status->freed_bytes;
    for (size_t i = 0; i < status->failures_len && i < 5; i++)
        note_left(bilge->benching, status->failures[i].id, status->failures[i].error);
}

/* What the faces ask of a benchmark. */

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
