#include "core/doctor/doctor.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/doctor/report.h"

/* ----------------------------------------------- checks of docker and builders */

static void check_docker(struct examination *exam)
{
    if (!exam->facts->has_docker)
        doctor_find(exam, DOCTOR_BAD,
                    mem_strdup("there is no docker in PATH: bilge can show caches and the engine, "
                               "but start no build and read no compose project"),
                    mem_strdup("sudo apt install docker-cli docker-compose"));
}

static void check_engine(struct examination *exam)
{
    for (size_t i = 0; i < exam->store->builders_len; i++) {
        const struct builder *builder = &exam->store->builders[i];
        if (!builder->embedded || builder->error == NULL)
            continue;
        bool refused = strstr(builder->error, "no permission") != NULL;
        bool absent = exam->facts->has_systemd && strstr(builder->error, "no engine") != NULL;
        const char *fix = refused  ? "sudo usermod -aG docker \"$USER\"   # then log in again"
                          : absent ? "sudo systemctl start docker"
                                   : NULL;
        doctor_find(exam, DOCTOR_BAD, mem_strdup(builder->error),
                    fix != NULL ? mem_strdup(fix) : NULL);
    }
}

/* What an engine that does not answer leaves open is not called fine. */
static bool unanswered(struct examination *exam, const struct builder *builder)
{
    bool open = builder != NULL && builder->embedded && builder->error != NULL;
    if (open)
        doctor_find(exam, DOCTOR_NOTE, mem_strdup("not known: the engine does not answer"), NULL);
    return open;
}

/* docker/buildx: "Cache export is not supported for the docker driver". */
static void check_export(struct examination *exam)
{
    const struct builder *selected = store_selected_builder(exam->store);
    if (!unanswered(exam, selected) && selected != NULL && selected->no_cache_export)
        doctor_find(exam, DOCTOR_WARNING,
                    mem_strdup("the engine's own builder cannot export local caches: it has "
                               "not the containerd image store; builds with cache_to fail"),
                    mem_strdup("put {\"features\":{\"containerd-snapshotter\":true}} into "
                               "/etc/docker/daemon.json and restart docker, or use a "
                               "docker-container builder: docker buildx create --use"));
}

static void check_builders(struct examination *exam)
{
    const struct builder *selected = store_selected_builder(exam->store);
    if (selected != NULL && !selected->embedded)
        doctor_find(exam, DOCTOR_NOTE,
                    mem_printf("builds go to the buildx builder %s, but docker builder du and "
                               "docker system df show the engine's own cache",
                               selected->name),
                    mem_printf("bilge du --builder %s", selected->name));
    unanswered(exam, selected);
    for (size_t i = 0; i < exam->store->builders_len; i++) {
        const struct builder *builder = &exam->store->builders[i];
        if (!builder->embedded && builder->error != NULL)
            doctor_find(exam, DOCTOR_WARNING,
                        mem_printf("builder %s: %s", builder->name, builder->error), NULL);
    }
}

static void check_project(struct examination *exam)
{
    static const char none[] = "no compose file";
    const char *error = exam->store->project_error;
    /* Whoever looks at caches alone has none. */
    bool absent = error != NULL && strncmp(error, none, sizeof none - 1) == 0;
    if (error != NULL)
        doctor_find(exam, absent ? DOCTOR_NOTE : DOCTOR_WARNING, mem_strdup(error), NULL);
}

static void check_history(struct examination *exam)
{
    if (exam->store->history_error != NULL)
        doctor_find(exam, DOCTOR_WARNING, mem_strdup(exam->store->history_error), NULL);
    else if (exam->store->history_load == LOAD_FAILED)
        doctor_find(exam, DOCTOR_NOTE,
                    mem_strdup("nothing is remembered from run to run: no forecast, no steps of "
                               "layers whose record is gone"),
                    NULL);
}

/* ------------------------------------------------------------------ the table */

static const struct check {
    const char *id;
    void (*run)(struct examination *exam);
    const char *fine; /* what is said when it finds nothing */
} checks[] = {
    {"docker", check_docker, "docker is in PATH"},
    {"engine", check_engine, "the engine answers"},
    {"export", check_export, "nothing keeps the builder from exporting local caches"},
    {"builder", check_builders, "builders answer, and docker means the same one as buildx"},
    {"project", check_project, "the compose project can be read, or there is none"},
    {"disk", check_disks, "the disks have room"},
    {"memory", check_memory, "no cache root lies in memory"},
    {"small-disk", check_small_disk, "no cache root has a small file system of its own"},
    {"age-cleaning", check_tmpfiles, "systemd-tmpfiles leaves the cache roots alone"},
    {"symlink", check_aliases, "no cache root is reached by a symlink"},
    {"readable", check_readable, "every cache can be read"},
    {"owner", check_owner, "the caches are yours to remove"},
    {"shared-directory", check_shared, "each service has a cache directory of its own"},
    {"whole", check_whole, "no cache misses a blob"},
    {"shrunken", check_shrunken, "no export has lost layers"},
    {"history", check_history, "what was seen is remembered"},
};

void doctor_find(struct examination *exam, enum doctor_severity severity, char *text, char *fix)
{
    struct doctor_report *report = exam->report;
    mem_reserve((void **)&report->items, &report->cap, report->len + 1, sizeof *report->items);
    report->items[report->len++] = (struct doctor_finding){exam->id, severity, text, fix};
    if (severity > report->worst)
        report->worst = severity;
}

struct doctor_report doctor_examine(const struct store *store, const struct doctor_facts *facts,
                                    int64_t now)
{
    struct doctor_report report = {0};
    struct examination exam = {store, facts, now, NULL, &report};
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        size_t before = report.len;
        exam.id = checks[i].id;
        checks[i].run(&exam);
        if (report.len == before)
            doctor_find(&exam, DOCTOR_OK, mem_strdup(checks[i].fine), NULL);
    }
    return report;
}

void doctor_report_done(struct doctor_report *report)
{
    for (size_t i = 0; i < report->len; i++) {
        free(report->items[i].text);
        free(report->items[i].fix);
    }
    free(report->items);
    *report = (struct doctor_report){0};
}

const char *doctor_severity_name(enum doctor_severity severity)
{
    static const char *const names[] = {"ok", "note", "warning", "bad"};
    return names[severity];
}

/* ------------------------------------------------------------------ the facts */

static bool in_path(const char *program)
{
    const char *path = getenv("PATH");
    bool found = false;
    while (path != NULL && *path != '\0' && !found) {
        size_t len = strcspn(path, ":");
        char *name = mem_printf("%.*s/%s", (int)len, path, program);
        found = len > 0 && access(name, X_OK) == 0;
        free(name);
        path += len + (path[len] == ':');
    }
    return found;
}

/* BILGE_SYSROOT stands before /etc, /run and /usr in tests. */
void doctor_gather(struct doctor_facts *ret_facts)
{
    const char *given = getenv("BILGE_SYSROOT"), *prefix = given != NULL ? given : "";
    char *running = mem_printf("%s/run/systemd/system", prefix);
    *ret_facts = (struct doctor_facts){
        .has_docker = in_path("docker"),
        .has_systemd = access(running, F_OK) == 0,
        .uid = (uint32_t)geteuid(),
    };
    tmpfiles_read(&ret_facts->tmpfiles, prefix);
    free(running);
}

void doctor_facts_done(struct doctor_facts *facts)
{
    words_done(&facts->aliases);
    tmpfiles_done(&facts->tmpfiles);
    *facts = (struct doctor_facts){0};
}
