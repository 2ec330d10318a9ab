/* What a benchmark has to know before it may begin: both projects, the build
 * contexts and which files are to be changed. Nothing is written. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/bench/context.h"
#include "core/bench/frozen.h"
#include "core/bench/recognise.h"
#include "core/bilge/benching/benching_private.h"
#include "core/builds/run/compat.h"

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

int benching_read(struct bilge *bilge, struct err *err)
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
