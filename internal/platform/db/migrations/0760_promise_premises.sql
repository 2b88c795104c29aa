DROP INDEX promise_premises /*! ON promise */;
