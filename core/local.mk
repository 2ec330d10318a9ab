# All of the core. A room may include those that stand above it in this list.

libbilge_a_SOURCES += \
	core/base/base64.c \
	core/base/base64.h \
	core/base/chart.c \
	core/base/chart.h \
	core/base/clock.c \
	core/base/clock.h \
	core/base/crew.c \
	core/base/crew.h \
	core/base/err.c \
	core/base/err.h \
	core/base/escape.c \
	core/base/escape.h \
	core/base/fs.c \
	core/base/fs.h \
	core/base/hashtable.h \
	core/base/json.c \
	core/base/json.h \
	core/base/lane.c \
	core/base/lane.h \
	core/base/lines.c \
	core/base/lines.h \
	core/base/log.c \
	core/base/log.h \
	core/base/mem.c \
	core/base/mem.h \
	core/base/path.c \
	core/base/path.h \
	core/base/process.c \
	core/base/process.h \
	core/base/strlist.c \
	core/base/strlist.h \
	core/base/text.c \
	core/base/text.h \
	core/base/threshold.c \
	core/base/threshold.h

libbilge_a_SOURCES += \
	core/settings/settings.c \
	core/settings/settings.h

libbilge_a_SOURCES += \
	core/oci/blob_hash.c \
	core/oci/blob_hash.h \
	core/oci/digest.c \
	core/oci/digest.h \
	core/oci/index.c \
	core/oci/index.h \
	core/oci/json_reader.c \
	core/oci/json_reader.h \
	core/oci/layout.c \
	core/oci/layout.h

libbilge_a_SOURCES += \
	core/cache/aside.c \
	core/cache/aside.h \
	core/cache/away.c \
	core/cache/away.h \
	core/cache/busy.c \
	core/cache/busy.h \
	core/cache/cache.c \
	core/cache/cache.h \
	core/cache/check.c \
	core/cache/check.h \
	core/cache/clients.c \
	core/cache/clients.h \
	core/cache/dedupe.c \
	core/cache/dedupe.h \
	core/cache/entries.c \
	core/cache/entries.h \
	core/cache/exports.c \
	core/cache/exports.h \
	core/cache/graph.c \
	core/cache/graph.h \
	core/cache/needed.c \
	core/cache/needed.h \
	core/cache/note.c \
	core/cache/note.h \
	core/cache/processes.c \
	core/cache/processes.h \
	core/cache/recover.c \
	core/cache/remove.c \
	core/cache/remove.h \
	core/cache/repair.c \
	core/cache/restore.c \
	core/cache/restore.h \
	core/cache/root.c \
	core/cache/root.h \
	core/cache/scan.c \
	core/cache/scan.h \
	core/cache/tree.c \
	core/cache/tree.h \
	core/cache/unlink.c \
	core/cache/unlink.h \
	core/cache/verify.c \
	core/cache/verify.h \
	core/cache/watch.c \
	core/cache/watch.h

libbilge_a_SOURCES += \
	core/engine/api.c \
	core/engine/api.h \
	core/engine/builders.c \
	core/engine/builders.h \
	core/engine/dial.h \
	core/engine/docker_text.c \
	core/engine/docker_text.h \
	core/engine/endpoint.c \
	core/engine/endpoint.h \
	core/engine/engine.c \
	core/engine/engine.h \
	core/engine/engine_error.c \
	core/engine/engine_error.h \
	core/engine/http.c \
	core/engine/http.h \
	core/engine/node.h \
	core/engine/prune_call.c \
	core/engine/prune_call.h \
	core/engine/record.c \
	core/engine/record.h \
	core/engine/records_job.c \
	core/engine/records_job.h \
	core/engine/response.h

libbilge_a_SOURCES += \
	core/builds/build.c \
	core/builds/build.h \
	core/builds/changed.c \
	core/builds/changed.h \
	core/builds/errorline.c \
	core/builds/errorline.h

libbilge_a_SOURCES += \
	core/builds/log/buildlog.c \
	core/builds/log/buildlog.h \
	core/builds/log/buildlog_pages.h \
	core/builds/log/logblock.c \
	core/builds/log/logblock.h \
	core/builds/log/logfilter.c \
	core/builds/log/logfilter.h \
	core/builds/log/logline.c \
	core/builds/log/logline.h \
	core/builds/log/logmatch.c \
	core/builds/log/logmatch.h \
	core/builds/log/logsave.c \
	core/builds/log/logsave.h \
	core/builds/log/logscan.c \
	core/builds/log/logscan.h

libbilge_a_SOURCES += \
	core/builds/progress/diagnose.c \
	core/builds/progress/diagnose.h \
	core/builds/progress/objects.c \
	core/builds/progress/objects.h \
	core/builds/progress/progress.h \
	core/builds/progress/progress_legacy.c \
	core/builds/progress/progress_plain.c \
	core/builds/progress/progress_rawjson.c \
	core/builds/progress/reason.c \
	core/builds/progress/reason.h \
	core/builds/progress/remarks.c \
	core/builds/progress/remarks.h \
	core/builds/progress/span.c \
	core/builds/progress/span.h \
	core/builds/progress/streams.c \
	core/builds/progress/streams.h \
	core/builds/progress/vertex.c \
	core/builds/progress/vertex.h

libbilge_a_SOURCES += \
	core/builds/project/compose.c \
	core/builds/project/compose.h \
	core/builds/project/dockerfile.c \
	core/builds/project/dockerfile.h \
	core/builds/project/plain_compose.c \
	core/builds/project/plain_compose.h \
	core/builds/project/recipe.c \
	core/builds/project/recipe.h

libbilge_a_SOURCES += \
	core/builds/run/compat.c \
	core/builds/run/compat.h \
	core/builds/run/compose_tool.c \
	core/builds/run/compose_tool.h \
	core/builds/run/runner.c \
	core/builds/run/runner.h

libbilge_a_SOURCES += \
	core/history/build_kind.c \
	core/history/build_kind.h \
	core/history/compare.c \
	core/history/compare.h \
	core/history/engine_builds.c \
	core/history/engine_builds.h \
	core/history/forecast.c \
	core/history/forecast.h \
	core/history/growth.c \
	core/history/growth.h \
	core/history/history.c \
	core/history/history.h

libbilge_a_SOURCES += \
	core/store/description.c \
	core/store/description.h \
	core/store/leaks.c \
	core/store/leaks.h \
	core/store/owners.c \
	core/store/owners.h \
	core/store/store.c \
	core/store/store.h

libbilge_a_SOURCES += \
	core/prune/cheapest.c \
	core/prune/cheapest.h \
	core/prune/execute.c \
	core/prune/execute.h \
	core/prune/expression.c \
	core/prune/expression.h \
	core/prune/plan.c \
	core/prune/plan.h \
	core/prune/plan_caches.c \
	core/prune/plan_choose.c \
	core/prune/plan_records.c \
	core/prune/planner.c \
	core/prune/planner.h \
	core/prune/query.c \
	core/prune/query.h \
	core/prune/rebuild.c \
	core/prune/rebuild.h

libbilge_a_SOURCES += \
	core/doctor/doctor.c \
	core/doctor/doctor.h \
	core/doctor/tmpfiles.c \
	core/doctor/tmpfiles.h

libbilge_a_SOURCES += \
	core/app/app.c \
	core/app/builds.c \
	core/app/builds.h \
	core/app/disks.c \
	core/app/disks.h \
	core/app/engines.c \
	core/app/engines.h \
	core/app/examining.c \
	core/app/examining.h \
	core/app/hub.c \
	core/app/hub.h \
	core/app/known_projects.c \
	core/app/known_projects.h \
	core/app/lanes.c \
	core/app/lanes.h \
	core/app/memory.c \
	core/app/memory.h \
	core/app/outlook.c \
	core/app/outlook.h \
	core/app/owning.c \
	core/app/owning.h \
	core/app/planning.c \
	core/app/planning.h \
	core/app/project.c \
	core/app/project.h \
	core/app/pruning.c \
	core/app/pruning.h \
	core/app/recording.c \
	core/app/recording.h \
	core/app/repairing.c \
	core/app/repairing.h \
	core/app/roots.c \
	core/app/roots.h \
	core/app/scanning.c \
	core/app/scanning.h \
	core/app/services.c \
	core/app/services.h \
	core/app/space.c \
	core/app/space.h \
	core/app/watching.c \
	core/app/watching.h

libbilge_a_SOURCES += \
	core/bilge.h
