libbilge_a_SOURCES += \
	core/build/bare.c core/build/bare.h core/build/bare_text.c \
	core/build/base64.c core/build/base64.h \
	core/build/build.c core/build/build.h \
	core/build/buildlog.c core/build/buildlog.h core/build/buildlog_private.h \
	core/build/changed.c core/build/changed.h \
	core/build/compat.c core/build/compat.h core/build/compat_probe.c \
	core/build/compose.c core/build/compose.h \
	core/build/compose_find.c \
	core/build/compose_load.c \
	core/build/diagnose.c core/build/diagnose.h \
	core/build/dockerfile.c core/build/dockerfile.h \
	core/build/dockerfile_lines.c core/build/dockerfile_lines.h \
	core/build/logblock.c core/build/logblock.h \
	core/build/logfile.c core/build/logfile.h \
	core/build/logfilter.c core/build/logfilter.h \
	core/build/logsave.c core/build/logsave.h \
	core/build/logglances.c \
	core/build/logmatch.c core/build/logmatch.h \
	core/build/logpages.c \
	core/build/logscan.c core/build/logscan.h \
	core/build/logspill.c \
	core/build/objects.c core/build/objects.h \
	core/build/plain_line.c core/build/plain_line.h \
	core/build/progress.h core/build/progress_legacy.c core/build/progress_plain.c \
	core/build/progress_rawjson.c \
	core/build/reason.c core/build/reason.h \
	core/build/remarks.c core/build/remarks.h \
	core/build/recipe.c core/build/recipe.h \
	core/build/recipe_reader.h core/build/recipe_stages.c core/build/recipe_steps.c \
	core/build/recipe_vars.c core/build/recipe_vars.h \
	core/build/runner.c core/build/runner.h core/build/runner_private.h \
	core/build/runner_command.c core/build/runner_output.c \
	core/build/step.c \
	core/build/streams.c core/build/streams.h \
	core/build/tool.c core/build/tool.h \
	core/build/transfer.c \
	core/build/vertex.c core/build/vertex.h
