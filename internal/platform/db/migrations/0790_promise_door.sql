DROP INDEX promise_door /*! ON promise */;
