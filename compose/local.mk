dist_doc_DATA += compose/build-with-compatibility.sh
