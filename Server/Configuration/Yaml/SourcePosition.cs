namespace OrleansTempo.Server.Configuration.Yaml;

/// <summary>A place in the file as it was written, before anything was expanded; counted from 1, or all 0 for the file as a whole.</summary>
internal readonly record struct SourcePosition(int Line, int Column);
