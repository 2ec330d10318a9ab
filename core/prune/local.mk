libbilge_a_SOURCES += \
	core/prune/execute.c core/prune/execute.h core/prune/executor.h \
	core/prune/execute_caches.c \
	core/prune/execute_records.c \
	core/prune/query.c core/prune/query.h \
	core/prune/query_line.c core/prune/query_match.c \
	core/prune/plan.c core/prune/plan.h \
	core/prune/planner.c core/prune/planner.h \
	core/prune/look.c core/prune/look.h \
	core/prune/build_sign.c \
	core/prune/candidates.c \
	core/prune/claims.c core/prune/claims.h \
	core/prune/loss.c core/prune/loss.h \
	core/prune/plan_caches.c \
	core/prune/plan_changes.c \
	core/prune/chooser.c core/prune/chooser.h core/prune/chooser_groups.c core/prune/plan_choose.c \
	core/prune/plan_command.c \
	core/prune/plan_frees.c \
	core/prune/plan_garbage.c \
	core/prune/plan_records.c \
	core/prune/record_graph.c core/prune/record_graph.h \
	core/prune/choose.c core/prune/choose.h core/prune/choose_private.h \
	core/prune/choose_greedy.c core/prune/choose_search.c \
	core/prune/expression.c core/prune/expression.h \
	core/prune/forecast.c core/prune/forecast.h
