DROP INDEX visit_premises /*! ON visit */;
