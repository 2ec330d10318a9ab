/* The object behind the door core/bilge.h: one of each concern, the lower ones first. */
#ifndef BILGE_APP_APP_H
#define BILGE_APP_APP_H

#include "core/app/benching.h"
#include "core/app/builds.h"
#include "core/app/disks.h"
#include "core/app/engines.h"
#include "core/app/examining.h"
#include "core/app/hub.h"
#include "core/app/keeping.h"
#include "core/app/known_projects.h"
#include "core/app/lanes.h"
#include "core/app/planning.h"
#include "core/app/project.h"
#include "core/app/pruning.h"
#include "core/app/recording.h"
#include "core/app/repairing.h"
#include "core/app/roots.h"
#include "core/app/scanning.h"
#include "core/app/services.h"
#include "core/app/watching.h"
#include "core/bilge.h"

struct bilge {
    struct hub *hub;
    struct engines *engines;
    struct lanes *lanes;
    struct roots *roots;
    struct project *project;
    struct recorder *recorder;
    struct builds *builds;
    struct services *services;
    struct disks *disks;
    struct memory *memory;
    struct known_projects *projects;
    struct scanning *scanning;
    struct watching *watching;
    struct pruning *pruning;
    struct planning *planning;
    struct repairing *repairing;
    struct examining *examining;
    struct benching *benching; /* NULL: no benchmark was asked for */
    uv_timer_t benching_timer;

    struct store *store; /* the hub's */
    bilge_change_cb *on_change;
    void *arg;
    bool skip_caches, skip_engine, skip_project;
    void (*on_closed)(void *arg);
    void *closed_arg;
};

#endif
