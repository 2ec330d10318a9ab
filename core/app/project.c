/* The compose project, read in the background. */

#include "core/app/project.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/app/app.h"
#include "core/app/engines.h"
#include "core/app/known_projects.h"
#include "core/app/roots.h"
#include "core/app/services.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/builds/project/recipe.h"

/* The roots are known from here on, whatever came of the project. */
static void go_on(struct bilge *bilge)
{
    bool first = bilge->store->builders_load == LOAD_PENDING && bilge->list_request == NULL;
    if (!bilge->skip_caches)
        roots_from_project(bilge);
    projects_look(bilge);
    services_join(bilge);
    recipes_read(bilge);
    if (first)
        engines_list(bilge);
    bilge_moved(bilge);
}

static void set_error(struct bilge *bilge, const struct err *err)
{
    mem_replace(&bilge->store->project_error, err->text);
    store_set_project(bilge->store, NULL);
    bilge->store->project_load = LOAD_FAILED;
    bilge->store->project_absent = err->code == -ENOENT;
    bilge->store->project_unreadable = err->code == ERR_UNSUPPORTED;
}

static void on_project(void *arg, struct compose_project *project, const struct err *err)
{
    struct bilge *bilge = arg;
    bilge->load = NULL;
    if (project == NULL) {
        set_error(bilge, err);
    } else {
        mem_replace(&bilge->store->project_error, NULL);
        store_set_project(bilge->store, project);
        bilge->store->project_load = LOAD_DONE;
        bilge->store->project_absent = bilge->store->project_unreadable = false;
    }
    go_on(bilge);
}

void project_load(struct bilge *bilge)
{
    struct err err;
    if (bilge->load != NULL)
        return;
    if (compose_load(bilge->loop, bilge->compose_file, NULL, on_project, bilge, &bilge->load,
                     &err) == 0)
        return;
    bilge->load = NULL;
    set_error(bilge, &err);
    go_on(bilge);
}

void project_cancel(struct bilge *bilge)
{
    if (bilge->load != NULL)
        compose_load_cancel(bilge->load);
    bilge->load = NULL;
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
            code = recipe_read(page->path, page->target, page->args, page->args_len,
                               &page->recipe, &err);
        if (code < 0)
            log_note("%s", err.text);
    }
}

static void put(struct compose_project *project, struct page *page)
{
    for (size_t i = 0; i < project->services_len; i++) {
        struct compose_service *service = &project->services[i];
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
    struct bilge *bilge = job->bilge;
    struct store *store = bilge->store;
    bilge->recipes_job = false;
    for (size_t i = 0; i < reading->len && !cancelled && store->project != NULL; i++)
        put(store->project, &reading->pages[i]);
    reading_free(reading);
    if (bilge->closing)
        return;
    bilge->recipes_read++;
    store->recipes_load = LOAD_DONE;
    if (bilge->recipes_again)
        recipes_read(bilge);
    bilge_moved(bilge);
}

void recipes_read(struct bilge *bilge)
{
    const struct compose_project *project = bilge->store->project;
    bilge->recipes_again = bilge->recipes_job;
    if (project == NULL && !bilge->recipes_job)
        bilge->store->recipes_load = LOAD_DONE;
    if (project == NULL || bilge->recipes_job)
        return;
    struct reading *reading = mem_zalloc(sizeof *reading);
    reading->job.run = reading_run;
    reading->job.done = reading_done;
    reading->pages = mem_zalloc((project->services_len + 1) * sizeof *reading->pages);
    for (; reading->len < project->services_len; reading->len++)
        fill(&reading->pages[reading->len], &project->services[reading->len]);
    bilge->recipes_job = true;
    job_start(bilge, &reading->job);
}

bool recipes_waited_for(const struct bilge *bilge)
{
    return bilge->recipes_job;
}
