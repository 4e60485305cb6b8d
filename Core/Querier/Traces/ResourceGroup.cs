namespace OrleansTempo.Core.Querier.Traces;

/// <summary>A <c>ResourceSpans</c> of an answer.</summary>
/// <param name="Envelope">Its fields except the scope spans, each with its tag.</param>
/// <param name="Scopes">Its scope spans, none of them empty.</param>
public sealed record ResourceGroup(ReadOnlyMemory<byte> Envelope, IReadOnlyList<ScopeGroup> Scopes);
