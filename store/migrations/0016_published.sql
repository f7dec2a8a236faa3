-- A site that moves to another host is known by what its articles keep: when
-- they were published, beside headline and path.
CREATE INDEX articles_published ON articles (source, published) WHERE published IS NOT NULL;
