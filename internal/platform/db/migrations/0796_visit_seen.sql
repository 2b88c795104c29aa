DROP INDEX visit_seen /*! ON visit */;
