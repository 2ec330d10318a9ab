/* The compose project, read in the background. */
#include "core/app/project.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/app/hub.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/builds/project/recipe.h"

struct project {
    struct hub *hub;
    struct store *store;
    char *compose_file; /* NULL: compose's own search */
    void (*on_read)(void *arg);
    void *arg;
    struct compose_load *load;
    bool recipes_job, recipes_again;
};

struct project *project_new(struct hub *hub, const struct bilge_options *options,
                            void (*on_read)(void *arg), void *arg)
{
    struct project *project = mem_zalloc(sizeof *project);
    project->hub = hub;
    project->store = hub_store(hub);
    project->on_read = on_read;
    project->arg = arg;
    mem_replace(&project->compose_file, options->compose_file);
    return project;
}

void project_free(struct project *project)
{
    free(project->compose_file);
    free(project);
}

static void set_error(struct project *project, const struct err *err)
{
    mem_replace(&project->store->project_error, err->text);
    store_set_project(project->store, NULL);
    project->store->project_load = LOAD_FAILED;
    project->store->project_absent = err->code == -ENOENT;
    project->store->project_unreadable = err->code == ERR_UNSUPPORTED;
}

static void on_project(void *arg, struct compose_project *composed, const struct err *err)
{
    struct project *project = arg;
    project->load = NULL;
    if (composed == NULL) {
        set_error(project, err);
    } else {
        mem_replace(&project->store->project_error, NULL);
        store_set_project(project->store, composed);
        project->store->project_load = LOAD_DONE;
        project->store->project_absent = project->store->project_unreadable = false;
    }
    project->on_read(project->arg);
}

void project_load(struct project *project)
{
    struct err err;
    if (project->load != NULL)
        return;
    if (compose_load(hub_loop(project->hub), project->compose_file, NULL, on_project, project,
                     &project->load, &err) == 0)
        return;
    project->load = NULL;
    set_error(project, &err);
    project->on_read(project->arg);
}

void project_cancel(struct project *project)
{
    if (project->load != NULL)
        compose_load_cancel(project->load);
    project->load = NULL;
}

/* The Dockerfiles of the project's services, read on the pool: they tell whose
 * records of no cache are. Read when the project is, and again for each plan. */

struct page {
    char *service;
    char *path, *text; /* either of them, or none */
    char *target;
    struct recipe_arg *args;
    size_t args_len;
    struct recipe *recipe; /* out */
};

struct reading {
    struct job job;
    struct page *pages;
    size_t len;
};

static void reading_free(struct reading *reading)
{
    for (size_t i = 0; i < reading->len; i++) {
        struct page *page = &reading->pages[i];
        for (size_t j = 0; j < page->args_len; j++) {
            free(page->args[j].name);
            free(page->args[j].value);
        }
        free(page->args);
        free(page->service);
        free(page->path);
        free(page->text);
        free(page->target);
        recipe_free(page->recipe);
    }
    free(reading->pages);
    free(reading);
}

static void fill(struct page *page, const struct compose_service *service)
{
    page->path = service->dockerfile_inline == NULL ? compose_dockerfile(service) : NULL;
    mem_replace(&page->service, service->name);
    mem_replace(&page->text, service->dockerfile_inline);
    mem_replace(&page->target, service->target);
    page->args = mem_alloc((service->args_len + 1) * sizeof *page->args);
    for (; page->args_len < service->args_len; page->args_len++)
        page->args[page->args_len] =
            (struct recipe_arg){mem_strdup(service->args[page->args_len].name),
                                mem_strdup(service->args[page->args_len].value)};
}

static void reading_run(struct job *job)
{
    struct reading *reading = (struct reading *)job;
    for (size_t i = 0; i < reading->len; i++) {
        struct page *page = &reading->pages[i];
        struct err err;
        int code = 0;
        if (page->text != NULL)
            code = recipe_parse(page->text, strlen(page->text), page->target, page->args,
                                page->args_len, &page->recipe, &err);
        else if (page->path != NULL)
            code = recipe_read(page->path, page->target, page->args, page->args_len, &page->recipe,
                               &err);
        if (code < 0)
            log_note("%s", err.text);
    }
}

static void put(struct compose_project *composed, struct page *page)
{
    for (size_t i = 0; i < composed->services_len; i++) {
        struct compose_service *service = &composed->services[i];
        if (strcmp(service->name, page->service) != 0)
            continue;
        recipe_free(service->recipe);
        service->recipe = page->recipe;
        page->recipe = NULL;
        return;
    }
}

static void reading_done(struct job *job, bool cancelled)
{
    struct reading *reading = (struct reading *)job;
    struct project *project = job->owner;
    struct store *store = project->store;
    project->recipes_job = false;
    for (size_t i = 0; i < reading->len && !cancelled && store->project != NULL; i++)
        put(store->project, &reading->pages[i]);
    reading_free(reading);
    if (hub_is_closing(project->hub))
        return;
    store->recipes_read++;
    store->recipes_load = LOAD_DONE;
    if (project->recipes_again)
        project_read_recipes(project);
    hub_moved(project->hub);
}

void project_read_recipes(struct project *project)
{
    const struct compose_project *composed = project->store->project;
    project->recipes_again = project->recipes_job;
    if (composed == NULL && !project->recipes_job)
        project->store->recipes_load = LOAD_DONE;
    if (composed == NULL || project->recipes_job)
        return;
    struct reading *reading = mem_zalloc(sizeof *reading);
    reading->job.run = reading_run;
    reading->job.done = reading_done;
    reading->job.owner = project;
    reading->pages = mem_zalloc((composed->services_len + 1) * sizeof *reading->pages);
    for (; reading->len < composed->services_len; reading->len++)
        fill(&reading->pages[reading->len], &composed->services[reading->len]);
    project->recipes_job = true;
    job_start(project->hub, &reading->job);
}

bool project_is_reading_recipes(const struct project *project)
{
    return project->recipes_job;
}
