libbilge_a_SOURCES += \
	core/engine/api.c core/engine/api.h \
	core/engine/builders.c core/engine/builders.h \
	core/engine/builders_find.c \
	core/engine/builders_parse.c \
	core/engine/dial.c core/engine/dial.h \
	core/engine/docker_text.c core/engine/docker_text.h \
	core/engine/endpoint.c core/engine/endpoint.h \
	core/engine/engine.c core/engine/engine.h core/engine/engine_private.h \
	core/engine/engine_image.c \
	core/engine/engine_prune.c \
	core/engine/engine_refresh.c \
	core/engine/http.c core/engine/http.h \
	core/engine/node.h \
	core/engine/prune_call.c core/engine/prune_call.h \
	core/engine/record.c core/engine/record.h \
	core/engine/record_df.c \
	core/engine/record_du.c \
	core/engine/records_job.c core/engine/records_job.h \
	core/engine/response.c core/engine/response.h \
	core/engine/trouble.c core/engine/trouble.h
