namespace OrleansTempo.Core.Configuration;

/// <summary>
/// Lays a tenant's overrides over a section, property by property of the same name. A property that is null, empty or a zero duration keeps the
/// section's value. Runs when configuration changes, never per span.
/// </summary>
internal static class OptionsLayer
{
    /// <summary>The section with the tenant's part laid over it; neither argument is changed.</summary>
    /// <exception cref="MissingMemberException">The section has no such property.</exception>
    public static T Over<T>(T section, object tenant)
        where T : class, new() => (T)Over((object)section, tenant);

    private static object Over(object section, object tenant)
    {
        var type = section.GetType();
        var result = Activator.CreateInstance(type)!;
        foreach (var property in OptionsEquality.PropertiesOf(type))
            property.SetValue(result, property.GetValue(section));
        foreach (var property in OptionsEquality.PropertiesOf(tenant.GetType()))
        {
            var value = property.GetValue(tenant);
            if (value is null or "" or TimeSpan { Ticks: 0 })
                continue;
            var target = type.GetProperty(property.Name) ?? throw new MissingMemberException(type.Name, property.Name);
            target.SetValue(result, target.PropertyType.IsInstanceOfType(value) ? value : Over(target.GetValue(section)!, value));
        }

        return result;
    }
}
