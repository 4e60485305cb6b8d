using OrleansTempo.Core.Generator.Registry;

namespace OrleansTempo.Core.Generator.Samples;

/// <summary>
/// The entities that a generator has at one moment. They can be visited family by family, a few at a time, while the generator
/// continues to count; each is visited once, whatever series start or end meanwhile.
/// </summary>
internal sealed class SeriesListing
{
    private readonly (EntityTable Table, Entity[] Entities)[] _tables;

    public SeriesListing(IEnumerable<EntityTable> tables)
    {
        _tables = [.. tables.Select(static t => (t, t.Entities.ToArray()))];
        Families = [.. _tables.SelectMany(static t => t.Table.Slots).Select(static s => s.Name.Family).Distinct()];
    }

    public string[] Families { get; }

    /// <summary>Visits the slots of a family, entity by entity and from a place on, until there were enough points.</summary>
    /// <param name="family">One of <see cref="Families"/>.</param>
    /// <param name="from">Where to start: 0, or what the previous call returned.</param>
    /// <param name="visit">Visits a slot and returns the number of its points.</param>
    /// <param name="enough">The number of points after which to stop.</param>
    /// <returns>Where to continue; -1 at the end.</returns>
    public int Visit(string family, int from, Func<Entity, MetricSlot, int> visit, int enough)
    {
        var place = 0;
        foreach (var (table, entities) in _tables)
        {
            int[] slots = [.. Enumerable.Range(0, table.Slots.Length).Where(slot => table.Slots[slot].Name.Family == family)];
            for (var i = slots.Length == 0 ? entities.Length : Math.Max(0, from - place); i < entities.Length; i++)
            {
                if (enough <= 0)
                    return place + i;
                foreach (var slot in slots)
                {
                    if (entities[i].FirstSeenMs[slot] != 0)
                        enough -= visit(entities[i], table.Slots[slot]);
                }
            }

            place += entities.Length;
        }

        return -1;
    }
}
