namespace OrleansTempo.Server.Configuration.Yaml;

/// <summary>A variable's value where the environment has put it into a file's text.</summary>
/// <param name="Name">The variable.</param>
/// <param name="Value">What it holds; perhaps a secret.</param>
/// <param name="Start">Where the value begins in the expanded text.</param>
/// <param name="Position">Where the variable stands in the file.</param>
internal sealed record ExpandedVariable(string Name, string Value, int Start, SourcePosition Position);
