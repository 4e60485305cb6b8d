namespace OrleansTempo.Server.Api;

/// <summary>One component of the process and how it is, for <c>/status/services</c>.</summary>
/// <param name="Name">Such as <c>distributor</c> or <c>metrics-generator</c>.</param>
/// <param name="Status">In a word or a short sentence: <c>Running</c>.</param>
public readonly record struct ServiceStatus(string Name, string Status);
