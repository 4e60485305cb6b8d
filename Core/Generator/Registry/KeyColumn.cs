namespace OrleansTempo.Core.Generator.Registry;

/// <summary>One value of a processor's keys, for whoever reads them without knowing the processor.</summary>
/// <param name="Label">The label it becomes.</param>
/// <param name="Names">Of a value that stands in the key as a number: what the numbers from 0 on are called, an empty name being no value; null for a text.</param>
internal readonly record struct KeyColumn(string Label, string[]? Names = null);
