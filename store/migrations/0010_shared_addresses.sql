-- Articles that share one address with others of their source have it with a
-- mark behind. They are looked up by the address, too.
CREATE INDEX articles_shared ON articles (source, split_part(canonical, '#item=', 1)) WHERE strpos(canonical, '#item=') > 0;
