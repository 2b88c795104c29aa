DROP INDEX visit_latest /*! ON visit */;
