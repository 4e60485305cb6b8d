namespace OrleansTempo.Core.Generator.ServiceGraphs;

/// <summary>Edges that wait for their other side, with all that their numbers refer to: as one processor hands them to the next.</summary>
/// <param name="Dimensions">The attributes whose values stand behind the service in each side's text.</param>
/// <param name="Edges">The edges.</param>
/// <param name="Texts">Their texts.</param>
internal readonly record struct WaitingEdges(IReadOnlyList<string> Dimensions, EdgeStore Edges, TextTable Texts);
