dist_doc_DATA += compose/build-with-compatibility.sh \
	compose/docker-compose.test-local.yml compose/docker-compose.test.yml \
	compose/docker-compose.registry-cache.yml compose/docker-compose.registry-cache-push.yml \
	compose/docker-compose.sccache.yml compose/docker-compose.multi-platform.yml \
	compose/ci/github-actions.yml compose/ci/gitlab-ci.yml compose/ci/Jenkinsfile
