namespace OrleansTempo.Core.Generator.Registry;

/// <summary>Describes one value of a processor's keys, for code that reads keys without knowing the processor.</summary>
/// <param name="Label">The label that the value becomes.</param>
/// <param name="Names">For a value stored as a number, the names of the numbers from 0 on, where an empty name means no value; null for a text.</param>
internal readonly record struct KeyColumn(string Label, string[]? Names = null);
